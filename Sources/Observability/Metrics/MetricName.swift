// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// The spelling of names in the exposition formats: `[a-zA-Z_:][a-zA-Z0-9_:]*` for metrics, the same without the
/// colon for labels.
///
/// Libraries name metrics as they please (`http.server.requests`), so a name is bent into the grammar and never
/// refused.
enum MetricName {
    /// A counter's name ends in `_total`, as OpenMetrics demands of its sample.
    static func counter(_ label: String) -> String { suffixed(metric(label), "_total") }

    /// A timer is a histogram of seconds, and its name says so.
    static func timer(_ label: String) -> String { suffixed(metric(label), "_seconds") }

    static func metric(_ label: String) -> String { bent(label, colon: true) }

    static func label(_ name: String) -> String {
        let name = bent(name, colon: false)
        // The bucket's own label, and names that belong to the server that scrapes.
        return name == "le" || name.hasPrefix("__") ? "label_" + name : name
    }

    /// The last word of a name, without `_total`, if it is one of the base units.
    static func unit(of name: String) -> String? {
        let stem = name.hasSuffix("_total") ? name.dropLast("_total".count) : Substring(name)
        return ["seconds", "bytes", "ratio"].first { stem.hasSuffix("_" + $0) }
    }

    private static func suffixed(_ name: String, _ suffix: String) -> String {
        name.hasSuffix(suffix) ? name : name + suffix
    }

    private static func bent(_ name: String, colon: Bool) -> String {
        if isName(name, colon: colon) { return name }
        var bent = ""
        for scalar in name.unicodeScalars {
            if isLetter(scalar, colon: colon) || (isDigit(scalar) && !bent.isEmpty) {
                bent.unicodeScalars.append(scalar)
            } else if isDigit(scalar) {
                bent += "_"
                bent.unicodeScalars.append(scalar)
            } else {
                bent += "_"
            }
        }
        return bent.isEmpty ? "_" : bent
    }

    static func isName(_ name: String, colon: Bool) -> Bool {
        guard let first = name.unicodeScalars.first, isLetter(first, colon: colon) else { return false }
        return name.unicodeScalars.allSatisfy { isLetter($0, colon: colon) || isDigit($0) }
    }

    private static func isLetter(_ scalar: Unicode.Scalar, colon: Bool) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "_": true
        case ":": colon
        default: false
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}
