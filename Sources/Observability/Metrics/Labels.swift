// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The labels of one series as they stand in the exposition, without braces: `code="200",route="blob"`.
///
/// Names are bent into the grammar, values cut and escaped, empty values left out (to a scraper they are as good as
/// absent), and the whole is sorted, so that two equal sets of labels have equal texts. Both formats escape alike.
struct Labels: Sendable {
    /// A label as it came, its value cut.
    struct Pair: Sendable {
        let name: String
        let value: String
    }

    static let none = Labels([], MetricsLimits())

    let text: String
    /// In the order of the text.
    let pairs: [Pair]

    init(_ dimensions: [(String, String)], _ limits: MetricsLimits) {
        guard !dimensions.isEmpty else {
            text = ""
            pairs = []
            return
        }
        var seen: [Pair] = []
        for (name, value) in dimensions where !value.isEmpty && seen.count < limits.labels {
            let name = MetricName.label(name)
            // The first of two equal names stands: a series with a name twice would void the whole scrape.
            guard !seen.contains(where: { $0.name == name }) else { continue }
            seen.append(Pair(name: name, value: String(value.cut(toUTF8Bytes: limits.labelValueBytes))))
        }
        seen.sort { $0.name < $1.name }
        var text = ""
        for pair in seen {
            if !text.isEmpty { text += "," }
            text += pair.name
            text += "=\""
            Labels.escape(pair.value, quotes: true, into: &text)
            text += "\""
        }
        self.text = text
        pairs = seen
    }

    /// Escapes a label's value, or a help text where quotes stand for themselves.
    static func escape(_ value: some StringProtocol, quotes: Bool, into text: inout String) {
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\"" where quotes: text += "\\\""
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Labels: Hashable {
    static func == (left: Labels, right: Labels) -> Bool { left.text == right.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension String {
    /// The longest start of at most so many UTF-8 bytes that does not split a scalar.
    func cut(toUTF8Bytes limit: Int) -> Substring {
        guard utf8.count > limit else { return self[...] }
        // A position between two scalars is one that survives the way back to the scalars' view.
        var end = utf8.index(startIndex, offsetBy: limit)
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return Substring(unicodeScalars[..<end])
    }
}
