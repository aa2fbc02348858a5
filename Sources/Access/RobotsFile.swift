// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// The file of robots, and the changes that the command line makes to it. Each change takes the lock, reads, changes
/// and replaces the file, so that two administrators never undo each other's. Everything here blocks.
package struct RobotsFile: Sendable {
    /// Bytes of the file: 16 MiB.
    static let bytesLimit = 16 << 20

    private let file: OwnerOnlyFile
    private let random: @Sendable (Int) -> [UInt8]

    /// `random` gives as many random bytes as it is asked for: secrets are made of them.
    package init(path: String, random: @escaping @Sendable (Int) -> [UInt8] = { SecureRandom.bytes($0) }) {
        file = OwnerOnlyFile(path: path)
        self.random = random
    }

    /// Reads all robots; none if there is no file yet.
    ///
    /// - Throws: `.storage`, also for a file that others may use; `.invalidRobot` for content that was not written
    ///   here.
    package func load() throws(AccessError) -> Robots {
        guard let bytes = try file.read(limit: Self.bytesLimit) else { return .none }
        return try Robots(parsing: bytes)
    }

    /// All robots in the order of their names.
    package func list() throws(AccessError) -> [Robot] { try load().all }

    /// Makes a robot. The name of a revoked one may be used again; its former tokens stay dead.
    ///
    /// Times are in seconds since 1970.
    ///
    /// - Returns: Its secret, which cannot be had again.
    /// - Throws: `.invalidRobot` for a name that is none or is taken, without grants, and for an end that has passed.
    package func create(name: String, grants: [Grant], expires: Int64?, now: Int64) throws(AccessError) -> String {
        if let reason = Robot.refusal(ofName: name) { throw AccessError(.invalidRobot, reason) }
        guard !grants.isEmpty else { throw AccessError(.invalidRobot, "a robot without grants can do nothing") }
        return try change { (robots) throws(AccessError) in
            let former = robots[name]
            guard former?.revoked ?? true else {
                throw AccessError(.invalidRobot, "there is a robot \(name) already: rotate or revoke it")
            }
            guard former != nil || robots.byName.count < Robots.countLimit else {
                throw AccessError(.invalidRobot, "there are \(Robots.countLimit) robots already")
            }
            let generation = (former?.generation ?? 0) + 1
            return try putNew(name, grants, created: now, expires, generation, now, in: &robots)
        }
    }

    /// Gives a robot another secret, and ends the former one and every token that was had with it.
    ///
    /// `expires` is another end, in seconds since 1970; nil keeps the one there is.
    ///
    /// - Returns: The secret, which cannot be had again.
    /// - Throws: `.invalidRobot` for a robot that is unknown or revoked, and for an end that has passed.
    package func rotate(name: String, expires: Int64? = nil, now: Int64) throws(AccessError) -> String {
        try change { (robots) throws(AccessError) in
            let former = try existing(name, in: robots)
            guard !former.revoked else {
                throw AccessError(.invalidRobot, "the robot \(name) is revoked: create it anew")
            }
            return try putNew(
                name,
                former.grants,
                created: former.created,
                expires ?? former.expires,
                former.generation + 1,
                now,
                in: &robots
            )
        }
    }

    /// Ends a robot, its secret and every token that was had with it. Revoking a robot that is revoked changes nothing.
    ///
    /// - Throws: `.invalidRobot` for a robot that is unknown.
    package func revoke(name: String) throws(AccessError) {
        try change { (robots) throws(AccessError) in
            let former = try existing(name, in: robots)
            guard !former.revoked else { return }
            robots.put(
                Robot(
                    name: name,
                    secretHash: former.secretHash,
                    salt: former.salt,
                    grants: former.grants,
                    created: former.created,
                    expires: former.expires,
                    generation: former.generation + 1,
                    revoked: true
                )
            )
        }
    }

    private func existing(_ name: String, in robots: Robots) throws(AccessError) -> Robot {
        guard let robot = robots[name] else {
            throw AccessError(.invalidRobot, "there is no robot \"\(ParsingError.quotable(name))\"")
        }
        return robot
    }

    private func putNew(
        _ name: String,
        _ grants: [Grant],
        created: Int64,
        _ expires: Int64?,
        _ generation: Int,
        _ now: Int64,
        in robots: inout Robots
    ) throws(AccessError) -> String {
        if let expires, expires <= now { throw AccessError(.invalidRobot, "the secret's end has passed already") }
        let secret = RobotSecret.text(random(32))
        let salt = random(RobotSecret.saltBytes)
        robots.put(
            Robot(
                name: name,
                secretHash: try RobotSecret.hash(secret, salt: salt),
                salt: salt,
                grants: grants,
                created: created,
                expires: expires,
                generation: generation,
                revoked: false
            )
        )
        return secret
    }

    private func change<Result>(
        _ body: (inout Robots) throws(AccessError) -> Result
    ) throws(AccessError) -> Result {
        try file.locked { () throws(AccessError) in
            var robots = try load()
            let result = try body(&robots)
            try file.replace(with: robots.encoded)
            return result
        }
    }
}
