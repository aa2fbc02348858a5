// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// The JSON of `robots.json`, `{"version":1,"robots":[…]}`: read strictly, for what is overlooked here is a right.
extension Robots {
    static let version: Int64 = 1
    private static let members: Set<String> = [
        "name", "salt", "secretHash", "grants", "created", "expires", "generation", "revoked",
    ]
    private static let nodesLimit = 1_000_000

    /// - Throws: `.invalidRobot` for anything that `encoded` does not write.
    init(parsing bytes: [UInt8]) throws(AccessError) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: bytes, depthLimit: 8, nodesLimit: Self.nodesLimit)
        } catch {
            throw AccessError(.invalidRobot, "the file of robots is not the JSON that it has to be: \(error)")
        }
        guard document["version"] == .integer(Self.version), case .array(let entries)? = document["robots"] else {
            throw AccessError(.invalidRobot, "the file of robots is not of version \(Self.version)")
        }
        guard entries.count <= Self.countLimit else {
            throw AccessError(.invalidRobot, "the file has more than \(Self.countLimit) robots")
        }
        var byName: [String: Robot] = [:]
        for entry in entries {
            let robot = try Robot(entry, members: Self.members)
            guard byName.updateValue(robot, forKey: robot.name) == nil else {
                throw AccessError(.invalidRobot, "the robot \(robot.name) occurs twice")
            }
        }
        self.init(byName: byName)
    }

    var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("version")
            writer.integer(Self.version)
            writer.key("robots")
            writer.array { writer in
                for robot in all { robot.write(to: &writer) }
            }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }
}

extension Robot {
    fileprivate init(_ value: JSONValue, members: Set<String>) throws(AccessError) {
        guard case .object(let found) = value, found.allSatisfy({ members.contains($0.key) }),
            case .string(let name)? = value["name"], Robot.refusal(ofName: name) == nil
        else { throw AccessError(.invalidRobot, "an entry of the file is no robot") }
        guard case .string(let salt)? = value["salt"], let salt = Base64URL.decode(salt.utf8),
            case .string(let hash)? = value["secretHash"], let hash = Base64URL.decode(hash.utf8), hash.count == 32,
            case .integer(let created)? = value["created"], case .integer(let generation)? = value["generation"],
            let generation = Int(exactly: generation), case .bool(let revoked)? = value["revoked"],
            case .array(let texts)? = value["grants"]
        else { throw AccessError(.invalidRobot, "the entry of the robot \(name) is incomplete") }
        var grants: [Grant] = []
        for text in texts {
            guard case .string(let text) = text else {
                throw AccessError(.invalidRobot, "a grant of the robot \(name) is no text")
            }
            grants.append(try Grant(parsing: text))
        }
        let expires: Int64?
        switch value["expires"] {
        case nil: expires = nil
        case .integer(let seconds): expires = seconds
        default: throw AccessError(.invalidRobot, "the end of the robot \(name) is no number of seconds")
        }
        self.init(
            name: name,
            secretHash: hash,
            salt: salt,
            grants: grants,
            created: created,
            expires: expires,
            generation: generation,
            revoked: revoked
        )
    }

    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("name")
            writer.string(name)
            writer.key("salt")
            writer.string(Base64URL.encode(salt))
            writer.key("secretHash")
            writer.string(Base64URL.encode(secretHash))
            writer.key("grants")
            writer.array { writer in
                for grant in grants { writer.string(grant.description) }
            }
            writer.key("created")
            writer.integer(created)
            if let expires {
                writer.key("expires")
                writer.integer(expires)
            }
            writer.key("generation")
            writer.integer(generation)
            writer.key("revoked")
            writer.bool(revoked)
        }
    }
}
