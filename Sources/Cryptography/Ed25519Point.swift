// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import COpenSSL

/// Points of the curve edwards25519 (RFC 8032, section 5.1) as public keys.
enum Ed25519Point {
    /// Whether 32 bytes are the one encoding of a point of the curve whose order is not small.
    ///
    /// OpenSSL takes any 32 bytes for a public key. A key whose point has order 1, 2, 4 or 8 accepts signatures that
    /// were made without a private key, and one signature for many messages.
    ///
    /// With the curve -x² + y² = 1 + d x² y² and d = -121665/121666: y belongs to a point if (y² - 1) / (d y² + 1) is a
    /// square. The points of order 1 and 2 have y² = 1, those of order 4 have y = 0, and those of order 8, which double
    /// to them, x² = -y², that is d y⁴ + 2 y² = 1. The fractions are multiplied out.
    static func isSafe(_ encoded: [UInt8]) -> Bool {
        guard encoded.count == 32, let context = unsafe BN_CTX_new() else { return false }
        unsafe BN_CTX_start(context)
        defer {
            unsafe BN_CTX_end(context)
            unsafe BN_CTX_free(context)
            ERR_clear_error()
        }
        // The highest bit is the sign of x.
        let bytes = encoded.dropLast() + [encoded[31] & 0x7f]
        // Safety: numbers come from the context, which frees them; it gives nil, and goes on giving nil, where it has
        // no memory. The array lives through the call, which reads 32 bytes.
        guard let prime = unsafe BN_CTX_get(context), let y = unsafe BN_CTX_get(context),
            let ySquared = unsafe BN_CTX_get(context), let left = unsafe BN_CTX_get(context),
            let right = unsafe BN_CTX_get(context), let product = unsafe BN_CTX_get(context),
            unsafe BN_set_bit(prime, 255) == 1, unsafe BN_sub_word(prime, 19) == 1,
            unsafe BN_lebin2bn(Array(bytes), 32, y) != nil, unsafe BN_cmp(y, prime) < 0, unsafe BN_is_zero(y) == 0,
            unsafe BN_mod_sqr(ySquared, y, prime, context) == 1, unsafe BN_is_one(ySquared) == 0
        else { return false }
        // left = 121666 (2 y² - 1), right = 121665 y⁴: equal for order 8.
        guard unsafe BN_mod_add(left, ySquared, ySquared, prime, context) == 1, unsafe BN_sub_word(left, 1) == 1,
            unsafe BN_mul_word(left, 121_666) == 1, unsafe BN_nnmod(left, left, prime, context) == 1,
            unsafe BN_mod_sqr(right, ySquared, prime, context) == 1, unsafe BN_mul_word(right, 121_665) == 1,
            unsafe BN_nnmod(right, right, prime, context) == 1, unsafe BN_cmp(left, right) != 0
        else { return false }
        // left = 121666 (y² - 1), right = 121666 - 121665 y²: their quotient is x², so their product is a square.
        guard unsafe BN_copy(left, ySquared) != nil, unsafe BN_sub_word(left, 1) == 1,
            unsafe BN_mul_word(left, 121_666) == 1, unsafe BN_copy(product, ySquared) != nil,
            unsafe BN_mul_word(product, 121_665) == 1, unsafe BN_set_word(right, 121_666) == 1,
            unsafe BN_mod_sub(right, right, product, prime, context) == 1,
            unsafe BN_mod_mul(product, left, right, prime, context) == 1
        else { return false }
        return unsafe BN_kronecker(product, prime, context) == 1
    }
}
