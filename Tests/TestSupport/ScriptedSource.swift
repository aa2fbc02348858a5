// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import NIOCore
package import OCI
package import Registry
import Synchronization

/// A registry elsewhere that does, question by question, what a test says; then it serves what it has.
package final class ScriptedSource: ContentSource {
    /// What it does when it is asked for a blob.
    package enum Act: Sendable {
        case serve
        /// Fails after so many bytes.
        case breakOff(after: Int)
        /// Ends, as if that were all, after so many bytes.
        case end(after: Int)
        /// Sends nothing more after so many bytes.
        case stall(after: Int)
        /// Sends other bytes in the place of its own.
        case lie([UInt8])
        case lieInParts([UInt8], after: Int, TestGate)
        /// Sends the bytes and more, without end.
        case goOn
        /// Goes on with `serve` once the gate is open.
        case wait(TestGate)
        /// The same after so many bytes.
        case pause(after: Int, TestGate)
        case fail(SourceError.Code)
    }

    package let name: String
    package let content: [Digest: [UInt8]]
    private let script: Mutex<[Act]>
    private let questions = Mutex<[Int64]>([])
    private let reachable = Mutex(true)
    private let manifests = Mutex<[String: SourceManifest]>([:])
    private let manifestQuestions = Mutex<[String]>([])
    private let sizeQuestions = Mutex(0)
    private let piece: Int
    /// A line for each question, once it was asked.
    package let events = EventLog()

    package convenience init(
        _ name: String = "there",
        _ content: [[UInt8]] = [],
        piece: Int = 1000,
        _ script: Act...
    ) throws {
        try self.init(name, content, piece: piece, script: script)
    }

    package init(_ name: String, _ content: [[UInt8]], piece: Int = 1000, script: [Act]) throws {
        self.name = name
        self.content = try Dictionary(uniqueKeysWithValues: content.map { (try Sample.digest($0), $0) })
        self.script = Mutex(script)
        self.piece = piece
    }

    /// The offsets that were asked for.
    package var asked: [Int64] { questions.withLock { $0 } }

    package var isReachable: Bool {
        get { reachable.withLock { $0 } }
        set { reachable.withLock { $0 = newValue } }
    }

    package func untilKnown() async {}

    package func manifest(_ reference: Reference, in repository: RepositoryName) async throws -> SourceManifest? {
        manifestQuestions.withLock { $0.append(reference.description) }
        return manifests.withLock { $0[reference.description] }
    }

    package func size(of digest: Digest, in repository: RepositoryName) async throws -> Int64? {
        sizeQuestions.withLock { $0 += 1 }
        return content[digest].map { Int64($0.count) }
    }

    /// Has the bytes under a tag or digest, whatever digest they have.
    package func add(_ manifest: [UInt8], as reference: Reference) throws {
        let found = SourceManifest(
            digest: try Sample.digest(manifest),
            mediaType: try MediaType(parsing: Sample.imageType),
            bytes: manifest
        )
        manifests.withLock { $0[reference.description] = found }
    }

    /// The manifests that were asked for, and how often it was asked for the size of a blob.
    package var askedManifests: [String] { manifestQuestions.withLock { $0 } }
    package var askedSizes: Int { sizeQuestions.withLock { $0 } }

    package func blob(
        _ digest: Digest,
        in repository: RepositoryName,
        from offset: Int64,
        _ receive: (ByteBuffer) async throws -> Void
    ) async throws {
        questions.withLock { $0.append(offset) }
        events.add("asked")
        let act = script.withLock { $0.isEmpty ? .serve : $0.removeFirst() }
        guard let bytes = content[digest] else { throw SourceError(.absent, "it has none") }
        let rest = Array(bytes.dropFirst(Int(offset)))
        switch act {
        case .serve: try await send(rest, receive)
        case .breakOff(let count):
            try await send(Array(rest.prefix(count)), receive)
            throw SourceError(.unavailable, "the connection broke")
        case .end(let count): try await send(Array(rest.prefix(count)), receive)
        case .stall(let count):
            try await send(Array(rest.prefix(count)), receive)
            events.add("stalled")
            try await TestGate().wait()
        case .lie(let other): try await send(other, receive)
        case .lieInParts(let other, let count, let gate):
            try await send(Array(other.prefix(count)), receive)
            try await gate.wait()
            try await send(Array(other.dropFirst(count)), receive)
        case .goOn:
            try await send(rest, receive)
            while true { try await send([0], receive) }
        case .wait(let gate):
            try await gate.wait()
            try await send(rest, receive)
        case .pause(let count, let gate):
            try await send(Array(rest.prefix(count)), receive)
            events.add("paused")
            try await gate.wait()
            try await send(Array(rest.dropFirst(count)), receive)
        case .fail(let code): throw SourceError(code, "as the test says")
        }
    }

    private func send(_ bytes: [UInt8], _ receive: (ByteBuffer) async throws -> Void) async throws {
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try await receive(ByteBuffer(bytes: bytes[start..<min(start + piece, bytes.count)]))
        }
    }
}

/// A door that is opened once. Whose task is cancelled is thrown out.
package final class TestGate: Sendable {
    private struct State {
        var isOpen = false
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    package func wait() async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if state.isOpen { return .success(()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiting[id] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
    }
}

/// Time as fetching sees it: windows end when the test says, and pauses at once.
package final class FetchTime: Sendable {
    private let gates = Mutex<[TestGate]>([])
    private let slept = Mutex<[Duration]>([])
    private let passed = Mutex(Duration.zero)

    package init() {}

    /// The pauses after failures.
    package var pauses: [Duration] { slept.withLock { $0 } }

    package func advance(by duration: Duration) { passed.withLock { $0 += duration } }

    /// Ends the windows that have begun.
    package func endWindows() {
        let open = gates.withLock { gates in
            defer { gates = [] }
            return gates
        }
        for gate in open { gate.open() }
    }

    package func options(_ limits: FetchLimits = FetchLimits()) -> FetchOptions {
        var options = FetchOptions()
        options.limits = limits
        options.elapsed = { [self] in passed.withLock { $0 } }
        options.sleep = { [self] duration in
            guard duration == limits.window else { return slept.withLock { $0.append(duration) } }
            let gate = TestGate()
            gates.withLock { $0.append(gate) }
            try await gate.wait()
        }
        return options
    }
}
