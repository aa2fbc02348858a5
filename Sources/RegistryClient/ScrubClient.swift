// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI

/// Asks a registry how the reading of all its blobs stands, or to read them now.
package struct ScrubClient: Sendable {
    /// A run that was asked for, as the registry tells of it.
    package struct Run: Hashable, Sendable {
        package let id: Int64
        /// `waiting`, `running`, `done` or `failed`.
        package let state: String
        package let blobs: Int64
        package let totalBlobs: Int64
        package let bytes: Int64
        package let totalBytes: Int64
        package let found: Int64
        package let healed: Int64
        /// Damaged at the end of the run's reading of them, whether that was known before or not.
        package let damaged: Int64
        package let bytesPerSecond: Int64
        package let problem: String?

        package var isOver: Bool { state == "done" || state == "failed" }

        /// From 0 to 1, by bytes.
        package var share: Double { totalBytes == 0 ? (isOver ? 1 : 0) : Double(bytes) / Double(totalBytes) }

        /// A line for people.
        package var line: String {
            let (done, total) = (PullProgress.size(bytes), PullProgress.size(totalBytes))
            let speed = PullProgress.size(bytesPerSecond)
            let verdict = "\(damaged) damaged, \(healed) healed"
            return "\(blobs) of \(totalBlobs) blobs, \(done) of \(total), \(speed)/s, \(verdict)"
        }
    }

    /// What the registry says of its scrub.
    package struct Status: Sendable {
        /// All of it, as one JSON object.
        package let json: String
        package let run: Run?
        /// How many blobs are damaged now; nil where it does not say.
        package let damaged: Int64?
        /// Lines for people.
        package let lines: [String]
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// - Throws: `.network` for what is no status.
    package func status() async throws(ClientError) -> Status {
        let call = RemoteRegistry.Call(target: Self.target, purpose: "asking for the scrub")
        let (_, body) = try await registry.fetch(call, .records, limit: ClientLimits.documentBytes)
        return try Status(parsing: body, of: registry)
    }

    /// Begins a run, or joins the one that is under way. The rate is in bytes in a second; nil for what the registry
    /// takes then.
    package func start(_ repository: RepositoryName?, rate: Int64?) async throws(ClientError) -> Run {
        var writer = JSONWriter()
        writer.object { writer in
            if let repository { writer.field("repository", repository.description) }
            guard let rate else { return }
            writer.key("rate")
            writer.integer(rate)
        }
        let call = RemoteRegistry.Call(
            method: .POST,
            target: Self.target,
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: writer.bytes),
            accepted: [202],
            purpose: "asking for a scrub"
        )
        let (_, body) = try await registry.fetch(call, .administration, limit: ClientLimits.documentBytes)
        guard let run = try Status(parsing: body, of: registry).run else {
            throw ClientError(.network, "\(registry.origin) has begun no scrub")
        }
        return run
    }

    /// Waits until a run is over, and shows each state that it sees.
    ///
    /// - Throws: `.network` where the registry does not know the run any more.
    package func wait(for run: Run, each show: (Run) -> Void) async throws(ClientError) -> Run {
        var last = run
        while !last.isOver {
            show(last)
            do { try await registry.transport.options.pause(ClientLimits.scrubPoll) } catch {
                throw ClientError.cancelled
            }
            guard let now = try await status().run, now.id == run.id else {
                throw ClientError(.network, "\(registry.origin) was restarted, and the run with it ended")
            }
            last = now
        }
        show(last)
        return last
    }

    private static let target = "/api/v1/scrub"
}

extension ScrubClient.Status {
    fileprivate init(parsing body: [UInt8], of registry: RemoteRegistry) throws(ClientError) {
        guard let document = try? JSONValue(parsing: body), document.members != nil else {
            throw ClientError(.network, "\(registry.origin) answers with what is no status of a scrub")
        }
        json = JSONWriter.text(of: document)
        run = document["run"].flatMap { ScrubClient.Run($0) }
        damaged = document["damaged"]?.number
        lines = Self.lines(of: document)
    }

    private static func lines(of document: JSONValue) -> [String] {
        var lines: [String] = []
        func figures(_ value: JSONValue) -> String {
            let done = PullProgress.size(value.number("bytes"))
            let total = PullProgress.size(value.number("total_bytes"))
            let blobs = "\(value.number("blobs")) of \(value.number("total_blobs")) blobs"
            return "\(blobs), \(done) of \(total), \(value.number("found")) found damaged"
        }
        func time(_ value: JSONValue?) -> String { ShownText.line(value?.text ?? "never") }
        if document["enabled"] == .bool(false) { lines.append("pass: switched off") }
        if let pass = document["pass"] {
            lines.append("pass: since \(time(pass["started"])): \(figures(pass))")
        }
        if let pass = document["last_pass"] {
            lines.append("last pass: \(time(pass["started"])) to \(time(pass["finished"])): \(figures(pass))")
        }
        lines.append("oldest verification: \(time(document["oldest_verification"]))")
        lines.append(
            "damaged now: \(document.number("damaged")); ever found \(document.number("found")), "
                + "healed \(document.number("healed"))"
        )
        for digest in document["damaged_digests"]?.elements ?? [] {
            lines.append("  \(ShownText.line(digest.text ?? ""))")
        }
        if let since = document["stalled_since"] { lines.append("the disk does not answer since \(time(since))") }
        if let problem = document["problem"] { lines.append("stopped: \(time(problem))") }
        if let run = document["run"].flatMap({ ScrubClient.Run($0) }) {
            lines.append("run \(run.id): \(run.state): \(run.line)")
        }
        if let log = document["log"] {
            lines.append(
                "log: \(log.number("entries")) entries read until \(time(log["finished"])), "
                    + "\(log.number("problems")) problems"
            )
        }
        return lines
    }
}

extension ScrubClient.Run {
    fileprivate init?(_ value: JSONValue) {
        guard let state = value["state"]?.text, case .integer(let id) = value["id"] else { return nil }
        self.id = id
        self.state = ShownText.line(state)
        blobs = value.number("blobs")
        totalBlobs = value.number("total_blobs")
        bytes = value.number("bytes")
        totalBytes = value.number("total_bytes")
        found = value.number("found")
        healed = value.number("healed")
        damaged = value.number("damaged")
        bytesPerSecond = value.number("bytes_per_second")
        problem = value["problem"]?.text.map { ShownText.line($0) }
    }

    /// The state as a JSON object on one line.
    package var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            let numbers = [
                ("run", id), ("blobs", blobs), ("total_blobs", totalBlobs), ("bytes", bytes),
                ("total_bytes", totalBytes), ("found", found), ("healed", healed), ("damaged", damaged),
                ("bytes_per_second", bytesPerSecond),
            ]
            writer.field("state", state)
            for (key, number) in numbers {
                writer.key(key)
                writer.integer(number)
            }
            if let problem { writer.field("problem", problem) }
        }
        return writer.text
    }
}

extension JSONValue {
    /// A member that is a number; 0 where it is none.
    fileprivate func number(_ key: String) -> Int64 {
        if case .integer(let number) = self[key] { number } else { 0 }
    }
}
