// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import CZlib
import Testing

@Suite struct ZlibTests {
    /// The system's zlib is found and linked: the check value of CRC-32 over the digits 1 to 9.
    @Test func theSystemLibraryAnswers() {
        let digits = Array("123456789".utf8)
        #expect(crc32(0, digits, UInt32(digits.count)) == 0xCBF4_3926)
    }
}
