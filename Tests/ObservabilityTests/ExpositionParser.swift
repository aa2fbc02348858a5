// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Observability

/// A reader of `/metrics` that accepts nothing a specification forbids, and nothing that this program has no reason to
/// write: no blank lines, no time stamps, no trailing commas.
struct ExpositionParser {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    struct Sample: Hashable {
        var name: String
        var labels: [String: String]
        var value: Double
        /// As it stood there.
        var number: String
        var exemplar: Exemplar?
    }

    /// What follows a `#` after a value, in OpenMetrics.
    struct Exemplar: Hashable {
        var labels: [String: String]
        var value: Double
        var seconds: Double
    }

    struct Family {
        var name: String
        var type: String
        var help: String?
        var unit: String?
        var samples: [Sample] = []
    }

    private let format: ExpositionFormat
    private var families: [Family] = []

    /// Reads an exposition whole.
    static func parse(_ bytes: [UInt8], _ format: ExpositionFormat) throws -> [Family] {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure(description: "not UTF-8") }
        var parser = ExpositionParser(format: format)
        guard text.isEmpty || text.hasSuffix("\n") else { throw Failure(description: "the last line has no end") }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        if format == .openMetrics {
            guard lines.popLast() == "# EOF" else { throw Failure(description: "# EOF is missing") }
        }
        for line in lines {
            do {
                try parser.read(line)
            } catch let failure as Failure {
                throw Failure(description: "\(failure.description): \(line)")
            }
        }
        try parser.checkWhole()
        return parser.families
    }

    private init(format: ExpositionFormat) {
        self.format = format
    }

    private func fail(_ reason: String) -> Failure { Failure(description: reason) }

    private mutating func read(_ line: Substring) throws {
        guard line.hasPrefix("#") else { return try readSample(line) }
        let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard words.count == 4, words[0] == "#" else { throw fail("not a comment of the format") }
        let name = String(words[2])
        guard Self.isName(name, colon: true) else { throw fail("bad name") }
        let argument = words[3]
        if words[1] == "TYPE" {
            guard !families.contains(where: { $0.name == name }) else { throw fail("family twice") }
            guard ["counter", "gauge", "histogram"].contains(argument) else { throw fail("unknown type") }
            families.append(Family(name: name, type: String(argument)))
            return
        }
        guard var family = families.last, family.name == name, family.samples.isEmpty else {
            throw fail("a comment outside its family")
        }
        switch words[1] {
        case "HELP":
            guard family.help == nil else { throw fail("HELP twice") }
            family.help = try Self.unescape(argument, quotes: format == .openMetrics)
        case "UNIT" where format == .openMetrics:
            guard family.unit == nil, name.hasSuffix("_" + argument) else { throw fail("unit is not the name's end") }
            family.unit = String(argument)
        default: throw fail("unknown comment")
        }
        families[families.count - 1] = family
    }

    private mutating func readSample(_ line: Substring) throws {
        guard let family = families.last else { throw fail("a sample before any TYPE") }
        var rest = line
        let name = String(rest.prefix { $0 != "{" && $0 != " " })
        rest = rest.dropFirst(name.count)
        guard Self.isName(name, colon: true) else { throw fail("bad sample name") }
        let labels = try rest.first == "{" ? Self.labels(&rest) : [:]
        guard rest.first == " " else { throw fail("a space must stand before the value") }
        rest = rest.dropFirst()
        let number = String(rest.prefix { $0 != " " })
        rest = rest.dropFirst(number.count)
        var sample = Sample(name: name, labels: labels, value: try Self.value(number), number: number)
        if !rest.isEmpty { sample.exemplar = try readExemplar(rest, name) }
        try check(sample, in: family)
        families[families.count - 1].samples.append(sample)
    }

    private func readExemplar(_ text: Substring, _ name: String) throws -> Exemplar {
        guard format == .openMetrics, name.hasSuffix("_bucket") || name.hasSuffix("_total") else {
            throw fail("an exemplar where none may be")
        }
        guard text.hasPrefix(" # {") else { throw fail("no exemplar after the value") }
        var rest = text.dropFirst(3)
        let labels = try Self.labels(&rest)
        guard labels.reduce(0, { $0 + $1.key.count + $1.value.count }) <= 128 else { throw fail("too long labels") }
        let words = rest.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0].isEmpty else { throw fail("an exemplar has a value and a time") }
        return Exemplar(
            labels: labels,
            value: try Self.value(String(words[1])),
            seconds: try Self.value(String(words[2]))
        )
    }

    private static func labels(_ rest: inout Substring) throws -> [String: String] {
        var labels: [String: String] = [:]
        rest.removeFirst()
        while true {
            let name = String(rest.prefix { $0 != "=" })
            rest = rest.dropFirst(name.count)
            guard isName(name, colon: false), !name.hasPrefix("__") else {
                throw Failure(description: "bad label name")
            }
            guard rest.hasPrefix("=\"") else { throw Failure(description: "a label's value is in quotes") }
            rest = rest.dropFirst(2)
            var raw = ""
            var isEscaped = false
            while let scalar = rest.unicodeScalars.first, isEscaped || scalar != "\"" {
                isEscaped = !isEscaped && scalar == "\\"
                raw.unicodeScalars.append(scalar)
                rest.unicodeScalars.removeFirst()
            }
            guard rest.unicodeScalars.first == "\"" else { throw Failure(description: "no end of the value") }
            rest.unicodeScalars.removeFirst()
            guard labels.updateValue(try unescape(raw[...], quotes: true), forKey: name) == nil else {
                throw Failure(description: "label twice")
            }
            let next = rest.unicodeScalars.popFirst()
            if next == "}" { return labels }
            guard next == "," else { throw Failure(description: "labels are separated by commas") }
        }
    }

    private static func unescape(_ text: Substring, quotes: Bool) throws -> String {
        var result = ""
        var scalars = text.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\"" && quotes { throw Failure(description: "a quote is not escaped") }
            guard scalar == "\\" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            switch scalars.popFirst() {
            case "\\": result += "\\"
            case "n": result += "\n"
            case "\"" where quotes: result += "\""
            default: throw Failure(description: "unknown escape")
            }
        }
        return result
    }

    private static func value(_ text: String) throws -> Double {
        switch text {
        case "+Inf": return .infinity
        case "-Inf": return -.infinity
        case "NaN": return .nan
        default:
            let isNumber = text.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.e".utf8.contains($0) }
            guard isNumber, text.first?.isNumber == true || text.first == "-", let value = Double(text) else {
                throw Failure(description: "not a number")
            }
            return value
        }
    }

    private static func isName(_ name: String, colon: Bool) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x5f: true
            case 0x3a: colon
            default: false
            }
        }
    }

    private func check(_ sample: Sample, in family: Family) throws {
        let suffix = sample.name.dropFirst(family.name.count)
        guard sample.name.hasPrefix(family.name) else { throw fail("a sample of another family") }
        switch (family.type, suffix) {
        case ("counter", "_total") where format == .openMetrics: break
        case ("counter", "") where format == .text: break
        case ("gauge", ""), ("histogram", "_sum"), ("histogram", "_count"): break
        case ("histogram", "_bucket"):
            guard let bound = sample.labels["le"] else { throw fail("a bucket without le") }
            _ = try Self.value(bound)
            if format == .openMetrics, bound != "+Inf" {
                guard bound.contains(".") || bound.contains("e") else { throw fail("a bound without a point") }
            }
        default: throw fail("a name that the type does not have")
        }
        if suffix != "_bucket", sample.labels["le"] != nil { throw fail("le outside a bucket") }
        if family.type == "counter" || suffix == "_bucket" || suffix == "_count" {
            guard sample.value.isFinite, sample.value >= 0 else { throw fail("a count that is none") }
        }
        let isKnown = family.samples.contains { $0.name == sample.name && $0.labels == sample.labels }
        guard !isKnown else { throw fail("a sample twice") }
    }

    private func checkWhole() throws {
        var claimed: [String: String] = [:]
        for family in families {
            guard !family.samples.isEmpty else { throw fail("\(family.name) has no samples") }
            for name in Set(family.samples.map(\.name) + [family.name]) {
                if let other = claimed.updateValue(family.name, forKey: name) {
                    throw fail("\(name) belongs to \(other) and \(family.name)")
                }
            }
            if family.type == "histogram" { try checkHistogram(family) }
        }
    }

    /// Series after series: buckets ascending in bound and count up to +Inf, then the sum, then the count.
    private func checkHistogram(_ family: Family) throws {
        var rest = family.samples[...]
        while let first = rest.first {
            var labels = first.labels
            labels["le"] = nil
            var last: (bound: Double, count: Double) = (-.infinity, 0)
            while let sample = rest.first, let text = sample.labels["le"] {
                let bound = try Self.value(text)
                guard sample.labels.count == labels.count + 1, bound > last.bound, sample.value >= last.count else {
                    throw fail("buckets of \(family.name) do not ascend")
                }
                last = (bound, sample.value)
                rest.removeFirst()
            }
            guard last.bound == .infinity else { throw fail("\(family.name) lacks the bucket +Inf") }
            let sum = rest.popFirst()
            let count = rest.popFirst()
            guard sum?.name == family.name + "_sum", sum?.labels == labels else { throw fail("sum is missing") }
            guard count?.name == family.name + "_count", count?.labels == labels, count?.value == last.count else {
                throw fail("count of \(family.name) is not its last bucket")
            }
        }
    }
}
