// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// The report for programs.
struct JSONReport {
    let summary: Summary

    private struct Root: Encodable {
        let registry: String
        let version: String
        let seed: UInt64
        let repositoryPrefix: String
        let seconds: Double
        let total: Tally
        let categories: [String: Tally]
        let editions: [String: Tally]
        let levels: [String: Tally]
        let checks: [Entry]
    }

    private struct Entry: Encodable {
        let id: String
        let category: Category
        let version: Edition
        let level: Level
        let claim: String
        let reference: String
        let outcome: String
        let milliseconds: Int64
        let failure: Explanation?
    }

    func text() throws -> String {
        func tallies<Key: RawRepresentable<String> & CaseIterable>(
            _ type: Key.Type,
            _ key: (CheckResult) -> Key
        ) -> [String: Tally] {
            var result: [String: Tally] = [:]
            for value in type.allCases {
                result[value.rawValue] = summary.tally { key($0).rawValue == value.rawValue }
            }
            return result
        }
        let root = Root(
            registry: summary.registry,
            version: summary.edition.rawValue,
            seed: summary.seed,
            repositoryPrefix: summary.prefix,
            seconds: Double(summary.seconds) ?? 0,
            total: summary.total,
            categories: tallies(Category.self) { $0.check.category },
            editions: tallies(Edition.self) { $0.check.edition },
            levels: tallies(Level.self) { $0.check.level },
            checks: summary.results.map(entry)
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(root), as: UTF8.self) + "\n"
    }

    private func entry(_ result: CheckResult) -> Entry {
        let duration = result.duration.components
        return Entry(
            id: result.check.id,
            category: result.check.category,
            version: result.check.edition,
            level: result.check.level,
            claim: result.check.claim,
            reference: result.check.reference,
            outcome: result.outcome.name,
            milliseconds: duration.seconds * 1000 + duration.attoseconds / 1_000_000_000_000_000,
            failure: result.explanation
        )
    }
}
