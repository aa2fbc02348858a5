// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Testing

@Suite struct PlaceNameTests {
    @Test(arguments: ["prod", "web-3", "0", "shop/web:1.2@eu+x_y", String(repeating: "a", count: 128)])
    func namesAreKeptAsTheyAre(text: String) throws {
        let name = try PlaceName(parsing: text)
        #expect(name.description == text)
    }

    @Test(arguments: ["", "-a", ".a", "a b", "a\n", "\u{e9}", "a\"", String(repeating: "a", count: 129)])
    func whatIsNoNameIsRefused(text: String) {
        let name = PlaceName(text)
        #expect(name == nil)
        do {
            _ = try PlaceName(parsing: text)
        } catch {
            #expect(error.code == .invalidPlaceName && error.value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        }
    }
}
