// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Exact tests of numbers of errors, by sums of probabilities outwards from the most probable number: no factorials, no
/// approximation, and as many steps as the distribution is wide.
package enum ExactTests {
    /// What is less probable than the most probable number by this factor adds nothing that a sum could hold.
    private static let negligible = 1e-24

    /// The probability of so many errors or more where each request is one with a given probability.
    package static func chance(ofErrors traffic: RolloutTraffic, at rate: Double) -> Double {
        if traffic.errors == 0 || rate >= 1 { return 1 }
        if rate <= 0 { return 0 }
        let odds = rate / (1 - rate)
        return upperTail(from: traffic.errors, of: 0...traffic.requests) { errors in
            Double(traffic.requests - errors) / Double(errors + 1) * odds
        }
    }

    /// The probability that the first has so many errors or more of those that both have together, where its odds of
    /// one are a given multiple of the other's.
    package static func chance(
        ofErrors first: RolloutTraffic,
        beside second: RolloutTraffic,
        ratio: Double
    ) -> Double {
        let together = first.errors + second.errors
        let possible = max(0, together - second.requests)...min(together, first.requests)
        return upperTail(from: first.errors, of: possible) { errors in
            let more = Double(first.requests - errors) * Double(together - errors)
            let less = Double(errors + 1) * Double(second.requests - together + errors + 1)
            return more / less * ratio
        }
    }

    /// - Parameters:
    ///   - start: The least number whose probability is added.
    ///   - possible: The numbers that there can be.
    ///   - quotient: The probability of the number after this one, divided by that of this one. It falls.
    /// - Returns: The sum of their probabilities.
    private static func upperTail(
        from start: Int,
        of possible: ClosedRange<Int>,
        quotient: (Int) -> Double
    ) -> Double {
        if start <= possible.lowerBound { return 1 }
        let mode = mostProbable(possible, quotient)
        var all = 0.0
        var tail = 0.0
        var number = mode
        var weight = 1.0
        while true {
            all += weight
            if number >= start { tail += weight }
            guard number < possible.upperBound else { break }
            weight *= quotient(number)
            guard weight > negligible else { break }
            number += 1
        }
        number = mode
        weight = 1
        while number > possible.lowerBound {
            weight /= quotient(number - 1)
            guard weight > negligible else { break }
            number -= 1
            all += weight
            if number >= start { tail += weight }
        }
        return min(1, tail / all)
    }

    private static func mostProbable(_ possible: ClosedRange<Int>, _ quotient: (Int) -> Double) -> Int {
        var low = possible.lowerBound
        var high = possible.upperBound
        while low < high {
            let middle = low + (high - low) / 2
            if quotient(middle) >= 1 { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
