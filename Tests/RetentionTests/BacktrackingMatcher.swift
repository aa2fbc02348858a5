// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Retention
import Testing

/// A regular expression as a test makes it, with a matcher that tries one way after another.
indirect enum Pattern {
    case literal(Character)
    case any
    case members([Character], isInverted: Bool)
    case sequence([Pattern])
    case choice([Pattern])
    case repetition(Pattern, Int, Int?)
    case start
    case end

    static let letters: [Character] = ["a", "b", "c", "-"]

    static func random(_ random: inout SeededGenerator, depth: Int) -> Pattern {
        switch random.below(depth > 0 ? 9 : 4) {
        case 0, 1: return .literal(random.pick(letters))
        case 2: return .any
        case 3:
            if random.once(in: 4) { return random.once(in: 2) ? .start : .end }
            let members = letters.filter { _ in random.once(in: 2) }.filter { $0 != "-" }
            return members.isEmpty ? .any : .members(members, isInverted: random.once(in: 3))
        case 4, 5: return .sequence((0..<random.below(4)).map { _ in .random(&random, depth: depth - 1) })
        case 6: return .choice((0...random.below(3)).map { _ in .random(&random, depth: depth - 1) })
        default:
            let least = random.pick([0, 0, 1, 2])
            return .repetition(
                .random(&random, depth: depth - 1),
                least,
                random.pick([nil, nil, least, least + 1, least + 2])
            )
        }
    }

    /// The expression as it is written; groups do not capture, so that nothing else is tested.
    var text: String {
        switch self {
        case .literal(let character): return character == "-" ? "-" : String(character)
        case .any: return "."
        case .members(let members, let isInverted): return "[\(isInverted ? "^" : "")\(String(members))]"
        case .sequence(let parts): return "(?:" + parts.map(\.text).joined() + ")"
        case .choice(let parts): return "(?:" + parts.map(\.text).joined(separator: "|") + ")"
        case .start: return "^"
        case .end: return "$"
        case .repetition(let part, let least, let most):
            let bounds =
                switch (least, most) {
                case (0, nil): "*"
                case (1, nil): "+"
                case (0, 1): "?"
                default: "{\(least)\(most == least ? "" : ",\(most.map { "\($0)" } ?? "")")}"
                }
            return "(?:\(part.text))\(bounds)"
        }
    }

    /// Calls `then` with every place up to which this can match from a place; true as soon as that is.
    func match(_ text: [Character], _ place: Int, _ then: (Int) -> Bool) -> Bool {
        switch self {
        case .literal(let character): return place < text.count && text[place] == character && then(place + 1)
        case .any: return place < text.count && then(place + 1)
        case .members(let members, let isInverted):
            return place < text.count && members.contains(text[place]) != isInverted && then(place + 1)
        case .start: return place == 0 && then(place)
        case .end: return place == text.count && then(place)
        case .sequence(let parts):
            guard let first = parts.first else { return then(place) }
            return first.match(text, place) { Pattern.sequence(Array(parts.dropFirst())).match(text, $0, then) }
        case .choice(let parts): return parts.contains { $0.match(text, place, then) }
        case .repetition(let part, let least, let most):
            if least > 0 {
                let rest = Pattern.repetition(part, least - 1, most.map { $0 - 1 })
                return part.match(text, place) { rest.match(text, $0, then) }
            }
            if then(place) { return true }
            guard most != 0 else { return false }
            let rest = Pattern.repetition(part, 0, most.map { $0 - 1 })
            return part.match(text, place) { next in next > place && rest.match(text, next, then) }
        }
    }

    func matches(_ text: String) -> Bool {
        let text = Array(text)
        return match(text, 0) { $0 == text.count }
    }
}
