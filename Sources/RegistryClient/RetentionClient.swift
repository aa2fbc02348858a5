// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import NIOCore
internal import NIOHTTP1
package import OCI

/// Plans what rules of retention delete, applies and undoes plans, and asks why an image stays or goes.
package struct RetentionClient: Sendable {
    /// What one rule of a plan deletes, and the bytes that nothing would refer to any more; without a name those that
    /// only several rules free together.
    package struct Share: Sendable, Hashable {
        package let rule: String?
        package let tags: Int64
        package let manifests: Int64
        package let bytes: Int64
    }

    /// A run, as the registry shows it.
    package struct Run: Sendable, Hashable {
        package let id: Int64
        package let state: String
        /// What names the plan: the run, and the beginning of its hash.
        package let plan: String?
        package let hash: String?
        package let kept: Int64
        package let tags: Int64
        package let manifests: Int64
        package let bytes: Int64
        /// What each rule deletes.
        package let rules: [Share]
        package let warnings: [String]
        /// Decisions that are done of those that there are, while it is worked on.
        package let done: Int64?
        package let total: Int64?
        /// How many decisions are in each state.
        package let outcomes: [String: Int64]
        /// The answer, in one line of JSON.
        package let json: String

        /// Whether something is still being done with it.
        package var isBusy: Bool { ["planning", "applying", "restoring"].contains(state) }
    }

    /// A decision of a run.
    package struct Decision: Sendable, Hashable {
        package let repository: String
        package let tag: String?
        package let digest: String
        package let isKept: Bool
        package let rule: String?
        package let reason: String
        package let state: String
        package let outcome: String?
        /// The same in one line of JSON.
        package let json: String

        /// A line for people.
        package var line: String {
            let what = tag.map { "\(repository):\($0)" } ?? "\(repository)@\(digest)"
            let verdict = isKept ? "keep  " : "delete"
            let by = rule.map { " [\(ShownText.line($0))]" } ?? ""
            let became = ["planned", "kept"].contains(state) ? "" : " - \(state)"
            let why = outcome.map { ": \(ShownText.line($0))" } ?? ""
            return "\(verdict) \(ShownText.line(what))\(by) \(ShownText.line(reason))\(became)\(why)"
        }
    }

    private let registry: RemoteRegistry

    package init(_ registry: RemoteRegistry) { self.registry = registry }

    /// Begins a plan for the repositories that a pattern matches.
    package func plan(repositories: String) async throws(ClientError) -> Run {
        var writer = JSONWriter()
        writer.object { $0.field("repositories", repositories) }
        return try await post("runs", writer.bytes, "planning what retention deletes")
    }

    /// Begins to apply a plan that was read.
    package func apply(_ id: Int64, hash: String, isConfirmed: Bool) async throws(ClientError) -> Run {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("hash", hash)
            writer.key("confirm")
            writer.bool(isConfirmed)
        }
        return try await post("runs/\(id)/apply", writer.bytes, "applying run \(id)")
    }

    /// Begins to undo a run.
    package func restore(_ id: Int64) async throws(ClientError) -> Run {
        try await post("runs/\(id)/restore", [], "undoing run \(id)")
    }

    package func run(_ id: Int64) async throws(ClientError) -> Run {
        let call = RemoteRegistry.Call(target: "\(Self.prefix)runs/\(id)", purpose: "asking for run \(id)")
        return try run(try await registry.fetch(call, .retention, limit: ClientLimits.documentBytes).body)
    }

    /// The newest runs.
    package func runs(limit: Int) async throws(ClientError) -> [Run] {
        let call = RemoteRegistry.Call(target: "\(Self.prefix)runs?n=\(limit)", purpose: "listing runs of retention")
        let (_, body) = try await registry.fetch(call, .retention, limit: ClientLimits.documentBytes)
        guard let elements = (try? JSONValue(parsing: body, nodesLimit: Self.nodes))?["runs"]?.elements else {
            throw misunderstood
        }
        var runs: [Run] = []
        for element in elements { runs.append(try run(element)) }
        return runs
    }

    /// Asks for a run until nothing is done with it any more. `show` sees each answer, `pause` waits between two.
    package func wait(
        for run: Run,
        show: @Sendable (Run) -> Void,
        pause: @Sendable () async -> Void
    ) async throws(ClientError) -> Run {
        var run = run
        while run.isBusy {
            show(run)
            await pause()
            run = try await self.run(run.id)
        }
        show(run)
        return run
    }

    /// Hands every decision of a run to `body`, in order.
    package func decisions(of id: Int64, _ body: (Decision) throws(ClientError) -> Void) async throws(ClientError) {
        var next: String? = "\(Self.prefix)runs/\(id)/decisions"
        while let target = next {
            let call = RemoteRegistry.Call(target: target, purpose: "asking for the decisions of run \(id)")
            let (answer, bytes) = try await registry.fetch(call, .retention, limit: ClientLimits.documentBytes)
            guard let elements = (try? JSONValue(parsing: bytes, nodesLimit: Self.nodes))?["decisions"]?.elements else {
                throw misunderstood
            }
            for element in elements {
                guard let decision = Decision(element) else { throw misunderstood }
                try body(decision)
            }
            let following = try answer.nextPage()
            guard following != target else { throw misunderstood }
            next = following
        }
    }

    /// Why an image stays or goes: the answer, and lines for people.
    package func explain(
        _ reference: Reference,
        in name: RepositoryName
    ) async throws(ClientError) -> (json: String, lines: [String]) {
        let target =
            "\(Self.prefix)explain?repository=\(WebAddress.encoded(name.description))"
            + "&reference=\(WebAddress.encoded(reference.description))"
        let call = RemoteRegistry.Call(target: target, purpose: "asking why \(name) \(reference) stays or goes")
        let (_, body) = try await registry.fetch(call, .retention, limit: ClientLimits.documentBytes)
        guard let document = try? JSONValue(parsing: body), let verdicts = document["verdicts"]?.elements else {
            throw misunderstood
        }
        var lines: [String] = []
        for verdict in verdicts {
            let what = verdict["tag"]?.text.map { "tag \($0)" } ?? verdict["digest"]?.text ?? ""
            let word = verdict["verdict"]?.text == "delete" ? "would be deleted" : "stays"
            let rule = verdict["rule"]?.text.map { " [\($0)]" } ?? ""
            lines.append(ShownText.line("\(what) \(word):\(rule) \(verdict["reason"]?.text ?? "")"))
        }
        for text in document["protections"]?.elements ?? [] {
            lines.append(ShownText.line("protected: \(text.text ?? "")"))
        }
        for text in document["past"]?.elements ?? [] { lines.append(ShownText.line(text.text ?? "")) }
        return (JSONWriter.text(of: document), lines)
    }

    private static let prefix = "/api/v1/retention/"
    /// Values of one page of decisions.
    private static let nodes = 200_000

    private var misunderstood: ClientError {
        ClientError(.network, "\(registry.origin) answers with what is not about retention")
    }

    private func post(_ path: String, _ body: [UInt8], _ purpose: String) async throws(ClientError) -> Run {
        let call = RemoteRegistry.Call(
            method: .POST,
            target: Self.prefix + path,
            headers: [("Content-Type", "application/json")],
            body: ByteBuffer(bytes: body),
            accepted: [202],
            purpose: purpose
        )
        return try run(try await registry.fetch(call, .retention, limit: ClientLimits.documentBytes).body)
    }

    private func run(_ body: [UInt8]) throws(ClientError) -> Run {
        guard let document = try? JSONValue(parsing: body) else { throw misunderstood }
        return try run(document)
    }

    private func run(_ document: JSONValue) throws(ClientError) -> Run {
        guard let run = Run(document) else { throw misunderstood }
        return run
    }
}

extension RetentionClient.Run {
    init?(_ document: JSONValue) {
        guard let id = document["id"]?.number, let state = document["state"]?.text else { return nil }
        self.init(
            id: id,
            state: ShownText.line(state),
            plan: document["plan"]?.text,
            hash: document["hash"]?.text,
            kept: document["kept"]?.number ?? 0,
            tags: document["tags"]?.number ?? 0,
            manifests: document["manifests"]?.number ?? 0,
            bytes: document["bytes"]?.number ?? 0,
            rules: (document["rules"]?.elements ?? []).map { rule in
                RetentionClient.Share(
                    rule: rule["rule"]?.text.map { ShownText.line($0) },
                    tags: rule["tags"]?.number ?? 0,
                    manifests: rule["manifests"]?.number ?? 0,
                    bytes: rule["bytes"]?.number ?? 0
                )
            },
            warnings: (document["warnings"]?.elements ?? []).compactMap { $0.text.map(ShownText.line) },
            done: document["progress"]?["done"]?.number,
            total: document["progress"]?["total"]?.number,
            outcomes: Dictionary(
                (document["decisions"]?.members ?? []).compactMap { member in
                    member.value.number.map { (member.key, $0) }
                },
                uniquingKeysWith: { $1 }
            ),
            json: JSONWriter.text(of: document)
        )
    }
}

extension RetentionClient.Decision {
    init?(_ document: JSONValue) {
        guard let repository = document["repository"]?.text, let digest = document["digest"]?.text,
            let verdict = document["verdict"]?.text, let reason = document["reason"]?.text
        else { return nil }
        self.init(
            repository: repository,
            tag: document["tag"]?.text,
            digest: digest,
            isKept: verdict == "keep",
            rule: document["rule"]?.text,
            reason: reason,
            state: ShownText.line(document["state"]?.text ?? ""),
            outcome: document["outcome"]?.text,
            json: JSONWriter.text(of: document)
        )
    }
}
