// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import ArgumentParser
import Synchronization

extension Edition: ExpressibleByArgument {}

extension Conformance {
    /// The checks that the command line asks for, in the order of the catalogue.
    func selectedChecks() throws -> [Check] {
        let categories = try values(Category.self, category, "--category")
        let levels = try values(Level.self, level, "--level")
        let patterns = (filter ?? "*").split(separator: ",").map { String($0).trimmed }
        return Catalogue.checks.filter { check in
            categories.contains(check.category) && levels.contains(check.level)
                && (version == .development || check.edition == .released)
                && patterns.contains { Pattern($0).matches(check.id) }
        }
    }

    private func values<Value: RawRepresentable<String> & CaseIterable>(
        _ type: Value.Type,
        _ text: String?,
        _ option: String
    ) throws -> [Value] {
        guard let text else {
            return Array(type.allCases)
        }
        return try text.split(separator: ",").map { word in
            guard let value = Value(rawValue: String(word).trimmed) else {
                let known = type.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("\(option): '\(word)' is none of \(known)")
            }
            return value
        }
    }
}

/// A pattern in which `*` stands for any characters, none included.
struct Pattern: Sendable {
    private let parts: [Substring]

    init(_ text: String) {
        parts = text.split(separator: "*", omittingEmptySubsequences: false)
    }

    /// Whether the whole text has this form.
    func matches(_ text: String) -> Bool {
        guard let first = parts.first, let last = parts.last, parts.count > 1 else {
            return text == parts.first ?? ""
        }
        guard text.hasPrefix(first) else {
            return false
        }
        var rest = text.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else {
                return false
            }
            rest = rest[found.upperBound...]
        }
        return rest.count >= last.count && rest.hasSuffix(last)
    }
}

/// Counts finished checks on the last line of the terminal.
final class ProgressCounter: Sendable {
    private let count: Int
    private let done = Mutex(0)

    init(count: Int) {
        self.count = count
    }

    func advance() {
        let number = done.withLock { done in
            done += 1
            return done
        }
        let ending = number == count ? "\r\u{1B}[K" : ""
        StandardError.write("\r\(number) of \(count)\(ending)")
    }
}
