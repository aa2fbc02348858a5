// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Testing
import Trust

@Suite struct RFC3339Tests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-01-31T12:00:00Z", 1_769_860_800),
            ("2026-01-31T12:00:00.999999999Z", 1_769_860_800), ("2026-01-31t13:30:00+01:30", 1_769_860_800),
            ("2026-01-31T11:00:00-01:00", 1_769_860_800), ("2024-02-29T00:00:00z", 1_709_164_800),
            ("1969-12-31T23:59:59Z", -1), ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799), ("2016-12-31T23:59:60Z", 1_483_228_800),
        ]
    )
    func reads(text: String, seconds: Int64) throws {
        #expect(try RFC3339.seconds(text) == seconds)
    }

    @Test(
        arguments: [
            "", "2026-01-31", "2026-01-31T12:00:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z",
            "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+1:00", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00Zx",
            "26-01-31T12:00:00Z", "+026-01-31T12:00:00Z", "1900-02-29T00:00:00Z",
        ]
    )
    func refuses(text: String) {
        #expect(refused { () throws(TrustError) in try RFC3339.seconds(text) }?.code == .invalidTime)
    }

    @Test func days() throws {
        #expect(try RFC3339.startOfDay("2026-01-31") == 1_769_817_600)
        for text in ["2026-01-31T00:00:00Z", "2026-1-31", "2025-02-29", ""] {
            #expect(refused { () throws(TrustError) in try RFC3339.startOfDay(text) } != nil)
        }
    }

    /// Foundation writes the same, and what is written is read.
    @Test func agreesWithFoundation() throws {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            let seconds = Int64.random(in: -62_135_596_800...253_402_300_799, using: &random)
            let text = RFC3339.text(seconds)
            #expect(try RFC3339.seconds(text) == seconds)
            let date = Date(timeIntervalSince1970: TimeInterval(seconds))
            // The calendars differ before 1582.
            if seconds > -12_219_292_800 { #expect(text == date.ISO8601Format()) }
        }
    }
}
