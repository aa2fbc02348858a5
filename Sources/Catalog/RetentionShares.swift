// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What one rule of a plan deletes.
package struct RetentionShare: Sendable, Hashable {
    /// nil for bytes that only several rules together free.
    package let rule: String?
    package var tags: Int64 = 0
    package var manifests: Int64 = 0
    /// Bytes of blobs that nothing would refer to any more.
    package var bytes: Int64 = 0

    package init(rule: String?) { self.rule = rule }
}

/// Shares of a plan as the catalog keeps them: a JSON array of objects with `rule` (missing where it is several),
/// `tags`, `manifests` and `bytes`.
extension [RetentionShare] {
    var text: String {
        var json = JSONWriter()
        json.array { json in
            for share in self {
                json.object { json in
                    if let rule = share.rule {
                        json.key("rule")
                        json.string(rule)
                    }
                    let figures = [("tags", share.tags), ("manifests", share.manifests), ("bytes", share.bytes)]
                    for (key, figure) in figures {
                        json.key(key)
                        json.integer(figure)
                    }
                }
            }
        }
        return json.text
    }

    init(text: String) {
        let elements = (try? JSONValue(parsing: Array<UInt8>(text.utf8)))?.elements ?? []
        self = elements.map { element in
            var share = RetentionShare(rule: element["rule"]?.text)
            share.tags = element["tags"]?.number ?? 0
            share.manifests = element["manifests"]?.number ?? 0
            share.bytes = element["bytes"]?.number ?? 0
            return share
        }
    }
}
