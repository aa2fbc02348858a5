// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// SplitMix64: the same seed, the same run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A number below a limit; the bias does not matter here.
    mutating func below(_ limit: Int) -> Int { Int(truncatingIfNeeded: next() >> 33) % limit }

    /// True once in so many times.
    mutating func once(in times: Int) -> Bool { below(times) == 0 }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    /// One to `most` elements, each of its own draw.
    mutating func some<Element>(_ elements: [Element], most: Int) -> [Element] {
        (0...below(most)).map { _ in pick(elements) }
    }

    /// Changes a text in a few places: bytes are replaced, put in, taken out, doubled, or the end is cut off.
    mutating func mutate(_ bytes: inout [UInt8], pieces: [UInt8]) {
        for _ in 0...below(3) {
            guard !bytes.isEmpty else {
                bytes.append(pick(pieces))
                continue
            }
            let position = below(bytes.count)
            switch below(8) {
            case 0, 1: bytes[position] = pick(pieces)
            case 2: bytes[position] = UInt8(truncatingIfNeeded: next())
            case 3, 4: bytes.insert(pick(pieces), at: position)
            case 5: bytes.remove(at: position)
            case 6: bytes.removeLast(below(bytes.count - position) + 1)
            default:
                let end = min(bytes.count, position + 1 + below(8))
                bytes.insert(contentsOf: Array(bytes[position..<end]), at: position)
            }
        }
    }
}

enum FuzzRun {
    /// Inputs of all fuzz tests of rules together; the environment can ask for more.
    static let inputs: Int = {
        let asked = ProcessInfo.processInfo.environment["CAIRN_FUZZ_INPUTS"].flatMap { Int($0) }
        return max(asked ?? 1_000_000, 1000)
    }()
}
