// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of hooks.
package enum HookLimits {
    /// Hooks of a registry.
    package static let hooks = 32
    /// For a delivery, from the connection to what is read of the answer, in seconds.
    package static let answerSeconds: Int64 = 10
    /// Of these, for what follows the status, in seconds: it decides nothing.
    package static let bodySeconds: Int64 = 1
    /// Events that one read takes.
    static let page = 200
    /// Between two looks for what happened.
    static let pause: Duration = .seconds(1)
    /// After how many deliveries, or milliseconds, it is kept how far a hook is.
    static let keptEvery = 50
    static let keptMilliseconds: Int64 = 1_000
    /// The first and the longest pause before the same is tried again, in seconds.
    static let firstPause: Int64 = 1
    static let longestPause: Int64 = 300
    /// How often a receiver may fail over one event, and how often it may refuse it; each is counted for itself.
    static let failures = 12
    static let refusals = 3
    /// After how many seconds an event is given up that a receiver could not be asked about.
    static let unreachableSeconds: Int64 = 3 * 86_400
    /// For how long one request tells dead letters again, in milliseconds; a delivery that has begun is waited for.
    static let retryMilliseconds: Int64 = 30_000
    /// The longest pause before a hook looks again that could not read or write the catalog, in seconds.
    static let catalogPause: Int64 = 60

    /// The pause after so many failures, at least one: it doubles with each, up to a bound. In seconds.
    static func doubled(after failures: Int, upTo longest: Int64) -> Int64 {
        min(longest, firstPause << min(Int64(max(failures, 1) - 1), 20))
    }
}

/// What came of a delivery.
package enum HookReply: Sendable, Hashable {
    /// The receiver's status, and the seconds that it asks to wait for.
    case status(Int, retryAfter: Int64?)
    /// Nobody answered, or not in time; why is for people.
    case unreachable(String)

    /// Whether the receiver took it: a status from 200 to 299.
    package var isAccepted: Bool { if case .status(200..<300, _) = self { true } else { false } }

    /// What a receiver that does not accept an event does.
    fileprivate enum Rejection {
        /// It is not there, or has no time.
        case absence
        /// It fails, which may pass.
        case failure
        /// It refuses: what is wrong with the request is wrong the next time too.
        case refusal
    }

    /// nil where it accepts.
    fileprivate var rejection: Rejection? {
        switch self {
        case .status(200..<300, _): nil
        case .unreachable, .status(429, _), .status(503, _): .absence
        case .status(408, _): .failure
        case .status(400..<500, _): .refusal
        case .status: .failure
        }
    }

    /// Whether it is no use to tell it anything else now.
    var isAbsence: Bool { rejection == .absence }

    package var description: String {
        switch self {
        case .status(let status, _): "it answered \(status)"
        case .unreachable(let reason): reason
        }
    }
}

/// The tries of one event so far. What a receiver does is counted apart: that it was away for long says nothing of what
/// it makes of the event.
package struct HookTries: Sendable, Hashable {
    private var absences = 0
    private var failures = 0
    private var refusals = 0

    package init() {}

    /// All that were not accepted.
    package var count: Int { absences + failures + refusals }

    /// Counts a try; one that was accepted is none.
    package mutating func add(_ reply: HookReply) {
        switch reply.rejection {
        case .absence: absences += 1
        case .failure: failures += 1
        case .refusal: refusals += 1
        case nil: break
        }
    }

    /// How many had such an end.
    fileprivate func count(of rejection: HookReply.Rejection) -> Int {
        switch rejection {
        case .absence: absences
        case .failure: failures
        case .refusal: refusals
        }
    }
}

/// What to do after a delivery.
package enum HookStep: Sendable, Hashable {
    case accepted
    case retry(afterSeconds: Int64)
    case giveUp

    /// - Parameters:
    ///   - reply: What came of it.
    ///   - tries: The tries of the event, this one included.
    ///   - age: Seconds since it was tried first.
    ///   - random: A number below another one, which spreads the tries of many hooks.
    package init(after reply: HookReply, _ tries: HookTries, age: Int64, random: (Int64) -> Int64) {
        guard let rejection = reply.rejection else {
            self = .accepted
            return
        }
        let count = tries.count(of: rejection)
        let isOver =
            switch rejection {
            case .absence: age > HookLimits.unreachableSeconds
            case .failure: count >= HookLimits.failures
            case .refusal: count >= HookLimits.refusals
            }
        guard !isOver else {
            self = .giveUp
            return
        }
        if rejection == .absence, case .status(_, let seconds?) = reply {
            self = .retry(afterSeconds: min(HookLimits.longestPause * 12, max(seconds, 1)))
            return
        }
        let pause = HookLimits.doubled(after: count, upTo: HookLimits.longestPause)
        self = .retry(afterSeconds: max(1, pause / 2 + random(pause / 2 + 1)))
    }
}
