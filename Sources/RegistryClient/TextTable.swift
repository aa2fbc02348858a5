// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Tables for people.
enum TextTable {
    /// A line for each row, the columns under one another and two spaces apart. Rows have as many cells as the first.
    static func lines(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
