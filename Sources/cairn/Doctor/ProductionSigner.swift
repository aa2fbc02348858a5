// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// The directory of the log's signer, as the checklist of production sees it.
package struct ProductionSigner: Sendable {
    package var directory: String
    package var isInsideData: Bool
    /// nil where the directory is not there.
    package var permissions: Int?
    /// nil where that cannot be seen.
    package var isOnVolumeOfData: Bool?
    /// nil where there is no key yet.
    package var isKeyEncrypted: Bool?
    package var hasPassphrase: Bool

    package init(
        directory: String,
        isInsideData: Bool,
        permissions: Int?,
        isOnVolumeOfData: Bool?,
        isKeyEncrypted: Bool?,
        hasPassphrase: Bool
    ) {
        self.directory = directory
        self.isInsideData = isInsideData
        self.permissions = permissions
        self.isOnVolumeOfData = isOnVolumeOfData
        self.isKeyEncrypted = isKeyEncrypted
        self.hasPassphrase = hasPassphrase
    }

    package var findings: [ProductionFinding] {
        [
            place, passphrase,
            ProductionCheck.signerBackup.manual(
                "backups of \(directory) cannot be seen from here",
                do: "keep log-key.pem, region-key.pem and retired-keys where the data's backup is not; read them back"
            ),
        ]
    }

    private var place: ProductionFinding {
        let check = ProductionCheck.signer
        guard !isInsideData else {
            return check.problem(
                "\(directory) is among the data, so that both go back in time together",
                do: "set 'signer' to a directory on another volume, and move it there while no server runs"
            )
        }
        guard let permissions else {
            return check.warning("\(directory) is not there yet", do: "start the server once, and look again")
        }
        guard permissions & 0o077 == 0 else {
            return check.problem(
                "others than its owner may enter \(directory) (mode \(String(permissions, radix: 8)))",
                do: "chmod 700 \(directory)"
            )
        }
        guard isOnVolumeOfData == false else {
            return check.warning(
                "\(directory) is on the volume of the data",
                do: "put it on another volume: only then is it noticed that the data went back in time"
            )
        }
        return check.ok("\(directory) is on a volume of its own, and its owner's alone")
    }

    private var passphrase: ProductionFinding {
        let check = ProductionCheck.signerPassphrase
        let variable = Configuration.passphraseVariable
        switch (isKeyEncrypted, hasPassphrase) {
        case (true, _): return check.ok("the key of the log is encrypted")
        case (nil, true): return check.ok("the key of the log will be made encrypted")
        case (nil, false):
            return check.warning(
                "the key of the log will not be encrypted",
                do: "set \(variable) before the first start"
            )
        case (false, _):
            return check.warning(
                "the key of the log is not encrypted",
                do: "set \(variable), then 'cairn key rotate' and 'cairn key retire'"
            )
        }
    }
}

extension ProductionSigner {
    /// Looks at the directory that a configuration names.
    init(of configuration: Configuration) {
        let directory = configuration.signerDirectory
        let key = MachineLook.text(of: directory + "/log-key.pem")
        self.init(
            directory: directory,
            isInsideData: MachineLook.isInside(directory, configuration.root),
            permissions: MachineLook.permissions(directory),
            isOnVolumeOfData: MachineLook.areOnOneVolume(configuration.root, directory),
            isKeyEncrypted: key.map { $0.contains("ENCRYPTED PRIVATE KEY") },
            hasPassphrase: configuration.logKeyPassphrase != nil
        )
    }
}
