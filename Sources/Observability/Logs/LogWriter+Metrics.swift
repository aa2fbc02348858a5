// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension LogWriter {
    /// Lines that nobody will read.
    package static let lostLines = MetricFamily.counter(
        "log_lines_lost_total",
        help: "Log lines dropped because they came faster than they could be written, or refused by the descriptor."
    )
}

extension PrometheusRegistry {
    /// Adds `log_lines_lost_total` of a writer.
    package func register(_ writer: LogWriter) {
        collect([LogWriter.lostLines]) { [Double(writer.lostLines)] }
    }
}
