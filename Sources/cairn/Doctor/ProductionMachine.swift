// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// What the machine offers, as far as a process can see.
package struct ProductionMachine: Sendable {
    /// Who keeps the clock right.
    package enum Clock: Hashable, Sendable {
        /// Said by a service that the clock is right.
        case synchronised(by: String)
        /// A service runs that says so only when it is asked.
        case kept(by: String, ask: String)
        case unknown
    }

    /// Of the data's directory; nil where it could not be found out.
    package var fileSystem: String?
    package var totalBytes: Int64
    package var freeBytes: Int64
    package var openFiles: UInt64
    package var clock: Clock

    package init(fileSystem: String?, totalBytes: Int64, freeBytes: Int64, openFiles: UInt64, clock: Clock) {
        self.fileSystem = fileSystem
        self.totalBytes = totalBytes
        self.freeBytes = freeBytes
        self.openFiles = openFiles
        self.clock = clock
    }

    package var findings: [ProductionFinding] {
        [
            fileSystemFinding, spaceFinding, openFilesFinding, clockFinding,
            ProductionCheck.fsync.manual(
                "whether the disk keeps what it has confirmed cannot be seen from here",
                do: "run tools/power-loss on this hardware, and switch off write caches without a battery"
            ),
        ]
    }

    /// Those with a journal, on which power was cut; those that no flush reaches.
    private static let proven: Set = ["ext4", "xfs"]
    private static let unsafe: Set = ["tmpfs", "ramfs", "overlay", "nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"]

    private var fileSystemFinding: ProductionFinding {
        let check = ProductionCheck.fileSystem
        guard let fileSystem else {
            return check.warning("the kind of file system is not known", do: "put the data on ext4 or XFS")
        }
        if Self.proven.contains(fileSystem) { return check.ok("the data are on \(fileSystem)") }
        if Self.unsafe.contains(fileSystem) {
            return check.problem(
                "the data are on \(fileSystem), which may lose what was acknowledged",
                do: "move the data to ext4 or XFS on a disk of this machine"
            )
        }
        return check.warning(
            "the data are on \(fileSystem), on which no power was cut yet",
            do: "run tools/power-loss on it, or move the data to ext4 or XFS"
        )
    }

    private var spaceFinding: ProductionFinding {
        let check = ProductionCheck.freeSpace
        guard totalBytes > 0 else {
            return check.warning("the free space cannot be seen", do: "look at df, and leave a quarter free")
        }
        let share = Double(freeBytes) / Double(totalBytes)
        let found = "\(Int(share * 100)) % of the data volume are free (\(freeBytes >> 20) of \(totalBytes >> 20) MiB)"
        let action = "make the volume larger, or let retention delete more; pushes end before it is full"
        if share < ProductionLimits.freeShare.problem { return check.problem(found, do: action) }
        return share < ProductionLimits.freeShare.warning ? check.warning(found, do: action) : check.ok(found)
    }

    private var openFilesFinding: ProductionFinding {
        let check = ProductionCheck.openFiles
        let found = "\(openFiles) files may be open"
        let action = "set LimitNOFILE=1048576 in the unit, or ulimit -n before the start"
        if openFiles < ProductionLimits.openFiles.problem { return check.problem(found, do: action) }
        return openFiles < ProductionLimits.openFiles.warning ? check.warning(found, do: action) : check.ok(found)
    }

    private var clockFinding: ProductionFinding {
        switch clock {
        case .synchronised(let service): ProductionCheck.clock.ok("\(service) says that the clock is right")
        case .kept(let service, let ask):
            ProductionCheck.clock.manual("\(service) runs; how far off the clock is, only it knows", do: "run \(ask)")
        case .unknown:
            ProductionCheck.clock.warning(
                "nothing is seen that keeps the clock right",
                do: "run chrony or systemd-timesyncd; of two regions' writes the later one counts"
            )
        }
    }
}
