// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import FoundationEssentials

/// The file FORMAT: which version wrote a store, and from which version on it may be read.
///
/// A version that changes what lies on disk raises `format`; one that older versions must not touch raises
/// `min_reader` too. Version 1 is `{"format":1,"min_reader":1,"features":["cas"],"store_id":"…"}`.
struct StoreFormat: Hashable, Sendable, Codable {
    /// The version that this program writes, and the newest whose stores it reads.
    static let current = 1

    var format: Int
    var minReader: Int
    var features: [String]
    /// Tells one store from another; a random UUID.
    var storeID: String

    enum CodingKeys: String, CodingKey {
        case format, features
        case minReader = "min_reader"
        case storeID = "store_id"
    }

    init(newStore id: UploadID) {
        format = Self.current
        minReader = Self.current
        features = ["cas"]
        storeID = id.description
    }

    /// Reads and judges. Errors: `.notAStore` for what cannot be understood, `.newerFormat` for what must not be read.
    init(reading bytes: [UInt8], path: String) throws(ContentError) {
        do {
            self = try JSONDecoder().decode(StoreFormat.self, from: Data(bytes))
        } catch {
            throw ContentError(.notAStore, "the file FORMAT cannot be read as this store's", value: path)
        }
        guard minReader <= Self.current else {
            throw ContentError(
                .newerFormat,
                "the store was written in format \(format), which needs a reader of format \(minReader); this version "
                    + "of cairn reads up to format \(Self.current)",
                value: path
            )
        }
        guard format >= 1, minReader >= 1, UploadID(storeID) != nil else {
            throw ContentError(.notAStore, "the file FORMAT does not make sense", value: path)
        }
    }

    var encoded: String {
        let names = features.map { "\"\($0)\"" }.joined(separator: ",")
        return
            "{\"format\":\(format),\"min_reader\":\(minReader),\"features\":[\(names)],\"store_id\":\"\(storeID)\"}\n"
    }
}
