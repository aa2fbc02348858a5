// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL

/// One of OpenSSL's keys, shared by the values that use it and freed with the last of them.
@safe
final class KeyHandle: @unchecked Sendable {
    // Safety: the key is not changed after it was handed to this object, which alone owns it and frees it exactly once,
    // in deinit. OpenSSL lets threads use one key at the same time as long as none changes it.
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit { unsafe EVP_PKEY_free(pointer) }

    /// OpenSSL's name of the algorithm, such as `ED25519`, `EC` or `RSA`.
    var typeName: String {
        unsafe EVP_PKEY_get0_type_name(pointer).map { unsafe String(cString: $0) } ?? "unknown"
    }

    /// The name of an elliptic curve, such as `prime256v1`; nil for other keys, and for a curve that was spelled out.
    var curveName: String? {
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        var isSpelledOut: Int32 = 0
        // OpenSSL finds the name of a curve that was spelled out; such a key has a second encoding, though.
        if unsafe EVP_PKEY_get_int_param(pointer, "decoded-from-explicit", &isSpelledOut) == 1, isSpelledOut != 0 {
            return nil
        }
        // Safety: at most `name.count` characters are written, the end mark included.
        guard unsafe EVP_PKEY_get_group_name(pointer, &name, name.count, &count) == 1, count < name.count else {
            ERR_clear_error()
            return nil
        }
        return String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Takes the bytes that one of OpenSSL's encoders writes, and wipes and frees OpenSSL's copy. The encoder allocates
    /// its output and gives the length, or less than 1 for a failure.
    static func encoded(_ encode: (inout UnsafeMutablePointer<UInt8>?) -> Int32) -> [UInt8]? {
        var output: UnsafeMutablePointer<UInt8>?
        let count = unsafe Int(encode(&output))
        guard count > 0, let start = unsafe output else { return nil }
        defer { unsafe CRYPTO_clear_free(start, count, nil, 0) }
        return unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    }

    /// Lends bytes to one of OpenSSL's decoders, which has to read all of them.
    static func decoded(
        _ bytes: [UInt8],
        _ decode: (inout UnsafePointer<UInt8>?, Int) -> OpaquePointer?
    ) -> (value: OpaquePointer, isWhole: Bool)? {
        // Safety: the bytes live through the call, which reads no more than their count and moves the position.
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            guard let value = unsafe decode(&position, buffer.count) else { return nil }
            return unsafe (value, position == buffer.baseAddress.map { unsafe $0 + buffer.count })
        }
    }
}
