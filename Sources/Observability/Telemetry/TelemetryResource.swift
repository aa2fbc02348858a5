// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What sends telemetry: the resource of OTLP, with the names of the attributes that semantic conventions give them.
package struct TelemetryResource: Sendable, Hashable {
    package struct Attribute: Sendable, Hashable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The version of the program, which is that of the scope too.
    package let version: String
    package let attributes: [Attribute]

    /// Attributes of `more` stand in the place of those that have the same name.
    package init(service: String, version: String, instance: String, more: [Attribute] = []) {
        self.version = version
        let own = [
            Attribute("service.name", service), Attribute("service.version", version),
            Attribute("service.instance.id", instance),
        ]
        attributes = own.filter { attribute in !more.contains { $0.name == attribute.name } } + more
    }

    func append(to json: inout OTLPJSON) {
        json.key("resource")
        json.object { json in
            json.key("attributes")
            json.array(attributes) { json, attribute in
                json.object { json in
                    json.key("key")
                    json.string(attribute.name)
                    json.key("value")
                    json.object { json in
                        json.key("stringValue")
                        json.string(attribute.value)
                    }
                }
            }
        }
    }

    func appendScope(to json: inout OTLPJSON) {
        json.key("scope")
        json.object { json in
            json.key("name")
            json.string("cairn")
            json.key("version")
            json.string(version)
        }
    }
}
