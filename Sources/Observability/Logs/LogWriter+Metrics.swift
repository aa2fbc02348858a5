// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension PrometheusRegistry {
    /// Adds `log_lines_lost_total` of a writer.
    package func register(_ writer: LogWriter) {
        counter("log_lines_lost_total", help: "Log lines dropped in a full queue or refused by the descriptor.") {
            Double(writer.lostLines)
        }
    }
}
