// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Keys and signatures that OpenSSL's command line made. The private keys serve nothing else.
enum KeySamples {
    static let privateKey = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIOn8g1kER98xW3dKrWzBHn31J/IFhr9MOxw4gNWdUPhm
        -----END PRIVATE KEY-----

        """
    static let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAtfYNkjVOx3XjgJ517ngmg5hRVWjYRKPmyjNqKIKOw3c=
        -----END PUBLIC KEY-----

        """
    /// `privateKey` under the passphrase "open".
    static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAge7rNXc7aJhgICA+gw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEOh0kndpFJNv1fo4G3GjczIEQESC
        L1i7mXRDeYDXP4Llu0u4AoJ7hjS8XSjczzZyYSdVA2Jtw7CafDUBTqert2tEbBoy
        yaNVvu7QFbPQN1c3OYc=
        -----END ENCRYPTED PRIVATE KEY-----

        """
    static let x25519 = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VuBCIEIFB46Z8TIvijrtAwZ2OEVDvW6jeq51nI0efStr5tToZu
        -----END PRIVATE KEY-----

        """
    /// P-256 in PKCS #8: a key that verifies and does not sign here.
    static let p256Private = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF13D8l8cT1nVCWwB
        MgPNPAmN0eVwCFu8xQ/LaTdVspKhRANCAATleThlE50EMmV/k0KpogDL6Kx2Ewrz
        7mb9em4r3sD1GglDgu4VvpingEK/KXrtuqnrxf26w1fRWHtX49pDZphz
        -----END PRIVATE KEY-----

        """
    static let traditionalEC = """
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIGqY8dDOy6dEoaAv4cUMTT4ZyHEjfuf43NcZH7iFOBS2oAoGCCqGSM49
        AwEHoUQDQgAEMrtWHa4epVLzkzcmISSKDecJRKtQFOOzvr17mTlWjcuct8+y3KON
        UoQ4mHgkAvQlnqq8aTGw3tg0uqOt7LNjWg==
        -----END EC PRIVATE KEY-----

        """

    /// What the signatures below are of.
    static let message = Array("hello, log\n".utf8)

    static let ed25519Signature = """
        pnNSFY/zoe2/+b+fy20JVtf/xf7XBz5vhbTbZHcwK/Xz1WljRfNj6YAcAw14hlvzdFkqhbMSXs4Lk5Y4fG+sBQ==
        """
    static let p256 = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMrtWHa4epVLzkzcmISSKDecJRKtQ
        FOOzvr17mTlWjcuct8+y3KONUoQ4mHgkAvQlnqq8aTGw3tg0uqOt7LNjWg==
        -----END PUBLIC KEY-----

        """
    static let p256Signature = """
        MEUCIQCA6dJvufujTxLo9WoYEzqIyjMLSvLaAWjhI7+4/6llQQIgatDBRrNjblagbSY8RN+4dcOyirARfRb54iHiYYcLGv0=
        """
    static let p384 = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEDa/iaQWU5wrtlygmKfV9UQfh1sudQYrV
        hFNWgHEtDkrQd/3w5YoMSVcZexjkGbw2VKzaLjzAN3Wjnf6gCCgeUtbUC4/g0b7K
        KS2KWnuj9BwCgAKnbKfxRQTyAM74rt7b
        -----END PUBLIC KEY-----

        """
    static let p384Signature = """
        MGUCMQDgi+rIEHCdf/BSM9XhOeWLkRnEcpaiaRhqqFq7UuOjEy8L861cgDdJVFcrwezYASwCMDg/YJF6rwDOLa2FNVQzPdj/Qc/cpOuHu\
        b+UEfvz42hkPZTh469vL/8IyNZQ0NuKFA==
        """
    static let p521 = """
        -----BEGIN PUBLIC KEY-----
        MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAAtLi59IWN0evfieiGMh8DHqQC0xz
        sUJftYxEk4GN55udtwH6T0TX9uYwBlqQkTDP9Hf7Wy94a8/YLdCNTk7QsNEAD7iJ
        Nv+xOJsLBChA+3EeEFJBG7mCpeQ8CC+2nIQonD2fUzt0PDa4JRO5YuJu/7gnzONJ
        aE9a+y4EaWL+ST3Rywc=
        -----END PUBLIC KEY-----

        """
    static let x25519Public = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VuAyEAXqaYcMz4hpQb5jiNOpBncj7BqxUyt5p5nkLHpJZBKDk=
        -----END PUBLIC KEY-----

        """
    static let rsa = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArYZalJqfx2TJHqcmsmby
        v1ngCfrb9IFICf3uJvHQSvLpWhlvRYqfPUzM2muXo0ORRVS2D+fUVdNt3V7/KJOp
        UAmDYtcrVmezSbIMlkv40+D4PDV4pXiN/g0xm6EKl4CzExufqfAMjmtt3D7AzCCr
        grxbFmVAcTVJLvCYLfIPIL8kLx1d4oAvBq4QRug8TlYAVmjqCsBjyX1ycISgAarF
        Xuhj3501p1B3Og2mNK7RftgnaWzJH1+HjHRo4o24cAZpRp5SNiawUz3yMQ3RymJP
        PmXinJBtNvrqP9iUZ++ekYjhCLqoRUZVZXCD90Pbl3wOf1LWGh5RW6Ibol1rGwgz
        QwIDAQAB
        -----END PUBLIC KEY-----

        """
    /// P-256, its parameters spelled out instead of named.
    static let explicitCurve = """
        -----BEGIN PUBLIC KEY-----
        MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
        AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
        ///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
        NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5
        RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA
        //////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABD0cbf2HZ48ahKNTvYFVz1aE
        ik/WO8KJB8q9slEJw+sOgPI3XpoVU6KuQyz8IIq5kUV3K7Sqzd+/WeV99wGPsq8=
        -----END PUBLIC KEY-----

        """
}
