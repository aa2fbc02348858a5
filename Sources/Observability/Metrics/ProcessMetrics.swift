// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// What the kernel says about this process, by the names that Prometheus clients share.
package struct ProcessMetrics: Sendable {
    /// Numbers of `/proc/<pid>/stat` (proc(5)); nil where the file cannot be read or understood.
    package struct Status: Hashable, Sendable {
        package var cpuSeconds: Double
        package var threads: Double
        /// Since the machine's start.
        package var startedSeconds: Double
        package var virtualBytes: Double
        package var residentBytes: Double

        /// Reads the line. The second field is the program's name in parentheses and may itself hold any character,
        /// so counting begins after the last parenthesis.
        package init?(stat: String, ticksPerSecond: Double, pageSize: Double) {
            guard let parenthesis = stat.lastIndex(of: ")") else { return nil }
            let fields = stat[parenthesis...].dropFirst().split(whereSeparator: \.isWhitespace)
            // The first of these is field 3 of the manual.
            let number = { (field: Int) in fields.count > field - 3 ? Double(fields[field - 3]) : nil }
            guard let user = number(14), let system = number(15), let threads = number(20),
                let started = number(22), let virtual = number(23), let resident = number(24)
            else { return nil }
            cpuSeconds = (user + system) / ticksPerSecond
            self.threads = threads
            startedSeconds = started / ticksPerSecond
            virtualBytes = virtual
            residentBytes = resident * pageSize
        }
    }

    package static let families: [MetricFamily] = [
        .counter("process_cpu_seconds_total", help: "Processor time of user and system, in seconds."),
        .gauge("process_threads", help: "Threads of the process."),
        .gauge("process_start_time_seconds", help: "When the process started, in seconds since 1970."),
        .gauge("process_virtual_memory_bytes", help: "Address space of the process."),
        .gauge("process_resident_memory_bytes", help: "Memory of the process that is in RAM."),
        .gauge("process_open_fds", help: "Open file descriptors."),
        .gauge("process_max_fds", help: "File descriptors that may be open."),
    ]

    /// When the machine started, in seconds since 1970.
    private let bootSeconds: Double?
    private let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
    private let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))

    init() {
        let line = ProcFile.read("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }
        bootSeconds = line.flatMap { Double($0.dropFirst("btime ".count)) }
    }

    /// A value for each of `families`, in their order.
    func read() -> [Double?] {
        let status = ProcFile.read("/proc/self/stat").flatMap {
            Status(stat: $0, ticksPerSecond: ticksPerSecond, pageSize: pageSize)
        }
        var started: Double?
        if let bootSeconds, let status { started = bootSeconds + status.startedSeconds }
        return [
            status?.cpuSeconds, status?.threads, started, status?.virtualBytes, status?.residentBytes,
            ProcFile.countEntries("/proc/self/fd"), descriptorLimit,
        ]
    }

    private var descriptorLimit: Double? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }
}

extension PrometheusRegistry {
    /// Adds `process_resident_memory_bytes`, `process_open_fds` and the like, read from `/proc/self` at each scrape.
    package func registerProcessMetrics() {
        let process = ProcessMetrics()
        collect(ProcessMetrics.families) { process.read() }
    }
}

/// Files that the kernel makes up as they are read: small, and never waiting for a disk.
private enum ProcFile {
    /// Bytes of a file that are read; the rest is not looked at.
    static let limit = 1 << 16

    static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var content: [UInt8] = []
        while content.count < limit {
            let part = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                count = unsafe max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
            }
            if part.isEmpty { break }
            content += part
        }
        return String(decoding: content, as: UTF8.self)
    }

    /// How many entries a directory has, without the one that the look itself opens.
    static func countEntries(_ path: String) -> Double? {
        guard let directory = unsafe opendir(path) else { return nil }
        defer { unsafe closedir(directory) }
        var count = 0
        while unsafe readdir(directory) != nil { count += 1 }
        // The two dots and this directory's own descriptor.
        return Double(max(0, count - 3))
    }
}
