// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Observability
import Testing

struct ProcessMetricsTests {
    /// Fields 3 to 24 of proc(5), as the kernel writes them after the name.
    static let fields = "S 1 2 3 0 -1 4194304 102 0 0 0 150 50 0 0 20 0 9 0 362700 3133440 390 1844 1 1 0"

    @Test(arguments: ["cairn", "a b", "a) R 9 9", ")", "((", "\u{1b}"])
    func readsTheLineWhateverTheNameIs(_ name: String) throws {
        let stat = "26642 (\(name)) \(Self.fields)\n"
        let status = try #require(ProcessMetrics.Status(stat: stat, ticksPerSecond: 100, pageSize: 4096))
        #expect(status.cpuSeconds == 2)
        #expect(status.threads == 9)
        #expect(status.startedSeconds == 3627)
        #expect(status.virtualBytes == 3_133_440)
        #expect(status.residentBytes == 390 * 4096)
    }

    @Test(arguments: [
        "", "1", "1 (x", "1 (x)", "1 (x) S 1 2 3", "1 (x) S a b c d e f g h i j k l m n o p q r s t u v w x",
    ])
    func refusesWhatItDoesNotUnderstand(_ stat: String) {
        #expect(ProcessMetrics.Status(stat: stat, ticksPerSecond: 100, pageSize: 4096) == nil)
    }

    @Test func agreesWithTheKernel() throws {
        let registry = PrometheusRegistry()
        registry.registerProcessMetrics()
        let families = try ExpositionParser.parse(registry.render(.text), .text)
        let value = { (name: String) -> Double in
            try #require(families.first { $0.name == name }?.samples.first?.value)
        }
        let age = try Date().timeIntervalSince1970 - value("process_start_time_seconds")
        #expect(age > -2 && age < 24 * 3600)
        #expect(try value("process_cpu_seconds_total") > 0)
        #expect(try value("process_threads") >= 2)
        let resident = try value("process_resident_memory_bytes")
        #expect(resident > 1_000_000)
        #expect(try resident < value("process_virtual_memory_bytes"))
        let open = try value("process_open_fds")
        #expect(open >= 3)
        #expect(try open <= value("process_max_fds"))
    }

    @Test func countsOpenFiles() throws {
        let registry = PrometheusRegistry()
        registry.registerProcessMetrics()
        let count = {
            try #require(
                ExpositionParser.parse(registry.render(.text), .text).first { $0.name == "process_open_fds" }
            ).samples[0].value
        }
        // Other tests open and close files at the same time, so only what is held here can be told: two of each pipe.
        let pipes = (0..<200).map { _ in Pipe() }
        #expect(try count() >= 400)
        withExtendedLifetime(pipes) {}
    }
}
