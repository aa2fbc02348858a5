// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Testing

@Suite struct NetworkTests {
    @Test(
        arguments: [
            ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "255.1.2.3", true),
            ("0.0.0.0/0", "::1", false), ("::/0", "::1", true), ("::/0", "10.0.0.1", false),
            ("::/0", "::ffff:10.0.0.1", false), ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("::ffff:0:0/96", "1.2.3.4", true), ("::/80", "1.2.3.4", false),
            ("127.0.0.8/30", "127.0.0.11", true), ("127.0.0.8/30", "127.0.0.12", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::/65", "2001:db8:0:0:7fff::", true), ("2001:db8::/65", "2001:db8:0:0:8000::", false),
            ("fe80::1/128", "FE80:0:0:0::1", true), ("::1", "0:0:0:0:0:0:0:1", true),
            ("192.0.2.128/25", "192.0.2.127", false), ("192.0.2.128/25", "192.0.2.255", true),
        ]
    )
    func contains(network: String, address: String, expected: Bool) throws {
        let address = try #require(IPAddress(address))
        #expect(try Network(parsing: network).contains(address) == expected)
    }

    @Test(
        arguments: [
            "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.1/8", "10/8",
            "10.0.0/8", "010.0.0.0/8", "::/129", "::1/64", "localhost", "*", "10.0.0.0/ 8", "1.2.3.4.5", "1.2.3.256",
            "fe80::1%eth0", "12345::", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "::1.2.3", "1.2.3.4::",
            "1:2:3:4:5:6:7::8", ":1", "1:", "::g", "10.0.0.0/+8", "10.0.0.0/²", "١.0.0.0",
        ]
    )
    func refuses(text: String) {
        #expect(refused { () throws(AccessError) in try Network(parsing: text) }?.code == .invalidRule)
    }

    @Test func saysWhichNetworkIsMeant() {
        let error = refused { () throws(AccessError) in try Network(parsing: "10.1.2.3/8") }
        #expect(error?.reason == "'10.1.2.3/8' has bits beyond its prefix; the network is 10.0.0.0/8")
    }

    @Test(
        arguments: [
            ("1.2.3.4", "1.2.3.4"), ("::ffff:1.2.3.4", "1.2.3.4"), ("::FFFF:102:304", "1.2.3.4"), ("::", "::"),
            ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
            ("::1.2.3.4", "::102:304"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ]
    )
    func addressesAreWrittenInOneWay(text: String, written: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == written)
        #expect(IPAddress(written) == address)
    }

    @Test func mappedAddressesAreIPv4() throws {
        #expect(IPAddress("::ffff:10.0.0.1") == IPAddress("10.0.0.1"))
        #expect(IPAddress("::10.0.0.1") != IPAddress("10.0.0.1"))
        #expect(try #require(IPAddress("::ffff:a00:1")).isIPv4)
        for (text, network) in [
            ("10.1.2.3", "10.1.2.3"), ("::ffff:10.1.2.3", "10.1.2.3"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8::1", "2001:db8::/64"),
        ] {
            #expect(try #require(IPAddress(text)).clientNetwork == network)
        }
        #expect(try !#require(IPAddress("::fffe:10.0.0.1")).isIPv4)
    }
}
