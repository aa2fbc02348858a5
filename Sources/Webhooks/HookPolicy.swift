// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The bounds of hooks.
package enum HookLimits {
    /// Hooks of a registry.
    package static let hooks = 32
    /// For an answer to a delivery, in seconds.
    package static let answerSeconds: Int64 = 10
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
    /// How often a receiver may fail over one event, and how often it may refuse it.
    static let failures = 12
    static let refusals = 3
    /// After how many seconds an event is given up that a receiver could not be asked about.
    static let unreachableSeconds: Int64 = 3 * 86_400
    /// Dead letters that one request tries again.
    package static let retried = 100
}

/// What came of a delivery.
package enum HookReply: Sendable, Hashable {
    /// The receiver's status, and the seconds that it asks to wait for.
    case status(Int, retryAfter: Int64?)
    /// Nobody answered, or not in time; why is for people.
    case unreachable(String)

    var isAccepted: Bool { if case .status(200..<300, _) = self { true } else { false } }

    package var description: String {
        switch self {
        case .status(let status, _): "it answered \(status)"
        case .unreachable(let reason): reason
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
    ///   - attempts: How often it was tried, this time included.
    ///   - age: Seconds since it was tried first.
    ///   - random: A number below another one, which spreads the tries of many hooks.
    package init(after reply: HookReply, attempts: Int, age: Int64, random: (Int64) -> Int64) {
        if reply.isAccepted {
            self = .accepted
            return
        }
        let doubled = HookLimits.firstPause << min(Int64(attempts - 1), 20)
        let pause = min(HookLimits.longestPause, doubled)
        let spread = max(1, pause / 2 + random(pause / 2 + 1))
        switch reply {
        case .unreachable, .status(429, nil), .status(503, nil):
            self = age > HookLimits.unreachableSeconds ? .giveUp : .retry(afterSeconds: spread)
        case .status(429, let seconds?), .status(503, let seconds?):
            let wait = min(HookLimits.longestPause * 12, max(seconds, 1))
            self = age > HookLimits.unreachableSeconds ? .giveUp : .retry(afterSeconds: wait)
        case .status(let status, _):
            // What is wrong with the request is wrong the next time too; other failures may pass.
            let isRefused = (400..<500).contains(status) && status != 408
            let limit = isRefused ? HookLimits.refusals : HookLimits.failures
            self = attempts >= limit ? .giveUp : .retry(afterSeconds: spread)
        }
    }
}
