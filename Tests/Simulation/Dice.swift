// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Every choice of a schedule comes from here: the same seed, the same schedule.
package struct Dice: Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
        // Seeds that follow on one another give unlike sequences from the first throw on.
        for _ in 0..<4 { _ = next() }
    }

    private mutating func next() -> UInt64 {
        state &+= 0xD134_2543_DE82_EF95
        var mixed = state
        mixed = (mixed ^ (mixed >> 32)) &* 0xDABA_0B6E_B093_22E3
        mixed = (mixed ^ (mixed >> 29)) &* 0xDABA_0B6E_B093_22E3
        return mixed ^ (mixed >> 32)
    }

    /// From 0 up to and without the bound, which is at least 1.
    package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    package mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    /// True once in so many throws.
    package mutating func once(in throws: Int) -> Bool { below(`throws`) == 0 }

    package mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    package mutating func shuffle<Element>(_ elements: [Element]) -> [Element] {
        var (rest, shuffled) = (elements, [Element]())
        while !rest.isEmpty { shuffled.append(rest.remove(at: below(rest.count))) }
        return shuffled
    }
}
