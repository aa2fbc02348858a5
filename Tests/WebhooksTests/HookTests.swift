// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Cryptography
import Logging
import OCI
import Synchronization
import TestSupport
import Testing
import Webhooks

/// A receiver that answers as it is told to, and remembers what came.
private final class Receiver: Sendable {
    struct Delivery: Sendable {
        let headers: [String: String]
        let body: JSONValue

        var kind: String { body["type"]?.text ?? "" }
        var id: String { headers["webhook-id"] ?? "" }
    }

    private let clock: ManualClock
    private let replies = Mutex<[HookReply]>([])
    private let seconds = Mutex<Int64>(0)
    private let received = Mutex<[Delivery]>([])

    var deliveries: [Delivery] { received.withLock { $0 } }
    var ids: [String] { deliveries.map(\.id) }

    /// What it answers next, in order; 200 when there is nothing left.
    func answer(_ list: [HookReply]) { replies.withLock { $0 = list } }

    /// How long each answer takes from now on.
    func answer(after seconds: Int64) { self.seconds.withLock { $0 = seconds } }

    init(_ clock: ManualClock) { self.clock = clock }

    func post(_ headers: [(name: String, value: String)], _ body: [UInt8]) -> HookReply {
        let names = Dictionary(headers.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let parsed = (try? JSONValue(parsing: body)) ?? .null
        received.withLock { $0.append(Delivery(headers: names, body: parsed)) }
        clock.advance(seconds: seconds.withLock { $0 })
        return replies.withLock { $0.isEmpty ? .status(200, retryAfter: nil) : $0.removeFirst() }
    }
}

/// Writes down what is said.
private struct Recorder: LogHandler {
    let lines: EventLog
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(lines: EventLog) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines.add("\(event.level): \(event.message)") }
}

/// What happens is told in order, at least once, whatever the receiver does.
@Suite struct HookTests {
    private let store: TestStore
    private let receiver: Receiver
    private let context = Catalog.Context(actor: "ci", requestID: "r-1")

    /// What the catalog was asked about hooks.
    private let statements: EventLog

    init() async throws {
        let statements = EventLog()
        var options = TestStore.Options()
        options.statementTrace = { if $0.contains("webhook") { statements.add($0) } }
        store = try await TestStore(options: options)
        receiver = Receiver(store.clock)
        self.statements = statements
    }

    private func hook(
        _ settings: HookSettings = HookSettings(name: "deploys", url: "http://receiver", secret: nil)
    ) -> Hook {
        let (receiver, clock) = (receiver, store.clock)
        let environment = Hook.Environment(
            now: { clock.wallMilliseconds },
            sleep: { duration in
                try Task.checkCancellation()
                clock.advance(seconds: duration.components.seconds)
            },
            random: { $0 - 1 },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        return Hook(settings, store.catalog, environment) { receiver.post($0, $1) }
    }

    private func happen(_ count: Int, from first: Int = 1) async throws {
        for number in first..<first + count {
            try await store.catalog.recordChange(.robotCreated(name: "robot-\(number)"), context: context)
        }
    }

    @Test func whatHappensFromNowOnIsTold() async throws {
        try await happen(2)
        let hook = hook()
        try await hook.tell()
        #expect(receiver.ids.isEmpty, "what was before the hook is not told")
        try await happen(3, from: 3)
        try await hook.tell()
        try await hook.tell()
        #expect(receiver.deliveries.map { $0.body["subject"]?.text } == ["robot-3", "robot-4", "robot-5"])
        #expect(receiver.deliveries.allSatisfy { $0.kind == "cairn.robot.create" })
        let first = try #require(receiver.deliveries.first)
        #expect(first.body["specversion"]?.text == "1.0")
        #expect(first.body["source"]?.text == store.catalog.settings.origin)
        #expect(first.body["id"]?.text == first.id)
        #expect(first.body["data"]?["actor"]?.text == "ci")
        #expect(first.body["data"]?["request"]?.text == "r-1")
        #expect(first.headers["content-type"] == "application/cloudevents+json; charset=utf-8")
    }

    @Test func whatHappenedWhileTheProcessWasDownIsTold() async throws {
        try await hook().tell()
        try await happen(2)
        try await hook().tell()
        #expect(receiver.ids.count == 2)
        let position = try await store.catalog.webhook("deploys")
        #expect(position.delivered == 2)
    }

    /// The order stays: what comes after waits.
    @Test func whatFailsIsTriedAgainBeforeTheNext() async throws {
        let hook = hook()
        try await hook.tell()
        try await happen(2)
        receiver.answer([.unreachable("down"), .status(500, retryAfter: nil), .status(429, retryAfter: 5)])
        try await hook.tell()
        let ids = receiver.ids
        #expect(ids.count == 5 && Set(ids[0..<4]).count == 1 && ids[4] != ids[0])
        #expect(hook.trouble == nil)
        let dead = try await hook.deadLetterCount()
        #expect(dead == 0)
    }

    /// What a receiver that was away refuses is tried three times, as what any other one refuses.
    @Test func anOutageIsNotHeldAgainstWhatIsRefusedAfterIt() async throws {
        let hook = hook()
        try await hook.tell()
        try await happen(1)
        let away = Array(repeating: HookReply.status(503, retryAfter: nil), count: 10)
        let failed = HookReply.status(500, retryAfter: nil)
        let refused = HookReply.status(404, retryAfter: nil)
        receiver.answer(away + [refused] + away + [refused])
        try await hook.tell()
        let dead = try await hook.deadLetterCount()
        #expect(dead == 0 && receiver.ids.count == 23, "refused twice, and accepted then")
        try await happen(1, from: 2)
        receiver.answer(away + [refused, failed, refused, refused])
        try await hook.tell()
        let letters = try await hook.deadLetters(after: 0, limit: 10)
        #expect(letters.map(\.attempts) == [14] && letters.map(\.reason) == ["it answered 404"])
    }

    @Test func theCatalogIsWrittenToOnlyWhenSomethingHappened() async throws {
        let hook = hook()
        try await hook.tell()
        let begun = statements.all.count
        for _ in 0..<5 { try await hook.tell() }
        #expect(statements.all.count == begun)
        try await happen(3)
        try await hook.tell()
        #expect(statements.all.count == begun + 1)
        let position = try await store.catalog.webhook("deploys")
        #expect(position == hook.position && position.delivered == 3)
    }

    @Test func aCatalogThatCannotBeReadIsAskedLessAndLessOften() async throws {
        let (pauses, lines) = (EventLog(), EventLog())
        let clock = store.clock
        let environment = Hook.Environment(
            now: { clock.wallMilliseconds },
            sleep: { duration in
                pauses.add("\(duration.components.seconds)")
                if pauses.all.count == 8 { throw CancellationError() }
            },
            random: { $0 - 1 },
            logger: Logger(label: "test") { _ in Recorder(lines: lines) }
        )
        let settings = HookSettings(name: "deploys", url: "http://receiver", secret: nil)
        let hook = Hook(settings, store.catalog, environment) { _, _ in .status(200, retryAfter: nil) }
        await store.catalog.close()
        await hook.run()
        #expect(pauses.all == ["1", "2", "4", "8", "16", "32", "60", "60"])
        #expect(lines.all == ["warning: a webhook cannot go on"])
    }

    @Test func whatIsRefusedIsADeadLetterAndCanBeToldAgain() async throws {
        let hook = hook()
        try await hook.tell()
        try await happen(2)
        receiver.answer(Array(repeating: .status(400, retryAfter: nil), count: 3))
        try await hook.tell()
        #expect(receiver.ids.count == 4, "three tries of the first, one of the second")
        let letters = try await hook.deadLetters(after: 0, limit: 10)
        #expect(letters.map(\.attempts) == [3])
        #expect(letters.map(\.reason) == ["it answered 400"])
        #expect(letters.first?.message == receiver.ids.first)
        receiver.answer([.status(400, retryAfter: nil)])
        let refused = try await hook.retry()
        #expect(refused == (0, 1))
        let accepted = try await hook.retry()
        #expect(accepted == (1, 0))
        let left = try await hook.deadLetterCount()
        #expect(left == 0)
        #expect(receiver.ids.last == receiver.ids.first)
        try await hook.tell()
        #expect(receiver.ids.count == 6, "nothing of it is told a third time")
    }

    /// Gives up that many events.
    private func giveUp(_ count: Int, _ hook: Hook) async throws {
        try await hook.tell()
        try await happen(count)
        receiver.answer(Array(repeating: .status(400, retryAfter: nil), count: 3 * count))
        try await hook.tell()
        let dead = try await hook.deadLetterCount()
        #expect(dead == count)
    }

    /// More than one read takes, the first of which are refused for good.
    @Test func whatIsAlwaysRefusedDoesNotBlockWhatIsBehindIt() async throws {
        let hook = hook()
        try await giveUp(203, hook)
        receiver.answer(Array(repeating: .status(400, retryAfter: nil), count: 201))
        let result = try await hook.retry()
        #expect(result == (2, 201))
    }

    @Test func tellingAgainEndsInTimeAndGoesOnWhereItEnded() async throws {
        let hook = hook()
        try await giveUp(7, hook)
        let told = receiver.ids.count
        receiver.answer(after: 8)
        receiver.answer(Array(repeating: .status(400, retryAfter: nil), count: 4))
        let first = try await hook.retry()
        #expect(first == (0, 7) && receiver.ids.count == told + 4)
        let second = try await hook.retry()
        #expect(second == (4, 3), "the last three, and the first one")
        receiver.answer([.unreachable("down")])
        let third = try await hook.retry()
        #expect(third == (0, 3), "who is not there is not asked on")
        receiver.answer([.unreachable("down")])
        let fourth = try await hook.retry()
        #expect(fourth == (0, 3))
        let tried = receiver.ids.suffix(2)
        #expect(Set(tried).count == 2, "another one is tried first")
        let last = try await hook.retry()
        #expect(last == (3, 0))
    }

    @Test func aHookAsksForRepositories() async throws {
        let settings = HookSettings(
            name: "some",
            url: "http://receiver",
            secret: nil,
            groups: [.tag, .burn],
            repositories: [try Glob(parsing: "prod/**")]
        )
        let hook = hook(settings)
        try await hook.tell()
        try await store.putImage(seed: 1, tag: "v1", in: "team/app")
        try await store.putImage(seed: 2, tag: "v2", in: "prod/app")
        try await store.catalog.notice("budget.burn", subject: "pulls", ["rate": "3"])
        try await hook.tell()
        #expect(receiver.deliveries.map { $0.body["subject"]?.text } == ["prod/app:v2"])
        #expect(receiver.deliveries.map(\.kind) == ["cairn.tag.set"])
    }

    @Test func aHookAsksForGroups() async throws {
        let settings = HookSettings(name: "some", url: "http://receiver", secret: nil, groups: [.burn])
        let hook = hook(settings)
        try await hook.tell()
        try await happen(3)
        try await store.catalog.notice("budget.burn", subject: "pulls", ["rate": "3"])
        try await hook.tell()
        #expect(receiver.deliveries.map(\.kind) == ["cairn.budget.burn"])
        #expect(receiver.deliveries.first?.body["data"]?["rate"]?.text == "3")
        let position = try await store.catalog.webhook("some")
        let behind = try await hook.behind()
        #expect(position.delivered == 1 && behind == 0, "what is not asked for is passed over")
    }

    /// A crash between the acceptance and the commit tells again, with the same id.
    @Test func whatWasAcceptedButNotKeptIsToldAgain() async throws {
        let hook = hook()
        try await hook.tell()
        let before = try await store.catalog.webhook("deploys")
        try await happen(1)
        try await hook.tell()
        try await store.catalog.moveWebhook("deploys", to: before)
        try await self.hook().tell()
        #expect(receiver.ids.count == 2 && Set(receiver.ids).count == 1)
    }

    /// The signature by the text of Standard Webhooks, made apart from the code.
    @Test func deliveriesAreSigned() async throws {
        let key = Array("0123456789abcdef01234567".utf8)
        let secret = try #require(HookSecret("whsec_" + Base64.encode(key)))
        let hook = hook(HookSettings(name: "signed", url: "http://receiver", secret: secret))
        let event = ToldEvent(
            source: .event,
            id: 7,
            kind: "tag.set",
            time: 1_700_000_000_123,
            repository: try RepositoryName(parsing: "team/app"),
            actor: "ci",
            request: nil,
            subject: "v1",
            body: .object([JSONMember(key: "tag", value: .string("v1"))])
        )
        let message = HookMessage(event, origin: "registry.example/log")
        let text = """
            {"specversion":"1.0","id":"event-7","source":"registry.example/log","type":"cairn.tag.set",\
            "subject":"team/app:v1","time":"2023-11-14T22:13:20.123Z","datacontenttype":"application/json",\
            "data":{"repository":"team/app","actor":"ci","tag":"v1"}}
            """
        #expect(String(decoding: message.body, as: UTF8.self) == text)
        let headers = try message.headers(secret, at: 1_700_000_001)
        let code = try HMAC.sha256(Array("event-7.1700000001.\(text)".utf8), key: key)
        #expect(headers.first { $0.name == "webhook-signature" }?.value == "v1," + Base64.encode(code))
        let reply = try await hook.test()
        #expect(reply == .status(200, retryAfter: nil))
        #expect(receiver.deliveries.last?.kind == "cairn.ping")
        #expect(receiver.deliveries.last?.headers["webhook-signature"]?.hasPrefix("v1,") == true)
        #expect("\(secret)" == "a secret")
    }

    @Test(arguments: ["", "whsec_", "whsec_c2hvcnQ=", "not base64 at all, whatever it is, really"])
    func whatIsNoSecretIsRefused(text: String) {
        #expect(HookSecret(text) == nil)
    }
}
