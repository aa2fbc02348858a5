// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

extension FigureSet {
    /// Writes an object with a member for each figure by its name, `m1` and so on. Members without a value are null.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("from", scope.from)
            writer.member("to", scope.to)
            writer.member("at", evaluatedAt)
            writer.member("repository", scope.repository?.description)
            writer.member("environment", scope.environment?.description)
            writer.member("uncounted", Int64(uncounted))
            for figure in figures {
                writer.key(figure.kind.rawValue)
                figure.write(to: &writer)
            }
        }
    }
}

extension Figure {
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", kind.name)
            writer.member("value", value)
            writer.member("unit", kind.unit)
            writer.key("target")
            writer.object { writer in
                writer.member("comparison", kind.target.comparison.rawValue)
                writer.member("bound", kind.target.bound)
            }
            writer.key("met")
            if let isMet { writer.bool(isMet) } else { writer.null() }
            writer.key("counts")
            writer.object { writer in
                for count in counts { writer.member(count.name, Int64(count.value)) }
            }
            if !statistics.isEmpty {
                writer.key("statistics")
                writer.object { writer in
                    for statistic in statistics { writer.member(statistic.name, statistic.value) }
                }
            }
            writer.key("exemplars")
            writer.array { writer in
                for exemplar in exemplars { exemplar.write(to: &writer) }
            }
            if kind == .vulnerabilities { writeEnvironments(to: &writer) }
        }
    }

    private func writeEnvironments(to writer: inout JSONWriter) {
        writer.key("environments")
        writer.array { writer in
            for environment in environments {
                writer.object { writer in
                    writer.member("environment", environment.environment.description)
                    writer.member("critical", Int64(environment.critical))
                    writer.member("images", Int64(environment.images))
                    writer.member("unknown", Int64(environment.unknown))
                    writer.key("worst")
                    if let worst = environment.worst { worst.write(to: &writer) } else { writer.null() }
                }
            }
        }
    }
}

extension FigureExemplar {
    /// Writes an object; members that do not apply are left out, but for the value.
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("repository", repository.description)
            if let digest { writer.member("digest", digest.description) }
            if let environment { writer.member("environment", environment.description) }
            if let service { writer.member("service", service.description) }
            if let deployment { writer.member("deployment", deployment.description) }
            if let target { writer.member("target", target.description) }
            writer.member("time", time)
            writer.member("value", value)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    fileprivate mutating func member(_ name: String, _ value: Int64) {
        key(name)
        integer(value)
    }

    /// No figure is infinite or no number, which JSON could not say.
    fileprivate mutating func member(_ name: String, _ value: Double?) {
        key(name)
        if let value, value.isFinite { raw("\(value)") } else { null() }
    }
}
