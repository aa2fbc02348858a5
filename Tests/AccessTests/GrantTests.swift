// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import OCI
import Testing

@Suite struct GrantTests {
    @Test func readsWhatItWrites() throws {
        let grant = try Grant(parsing: "pull,push:team/*")
        #expect(grant.actions == [ActionSet(.pull), ActionSet(.push)])
        #expect(grant.repositories.matches("team/app"))
        #expect(grant.description == "pull,push:team/*")
        #expect(try Grant(parsing: "push,pull,push:a").description == "pull,push:a")
        #expect(try Grant(parsing: "*:**").actions == .all)
        #expect(try Grant(parsing: "*:**").description == "*:**")
        #expect(try Grant(parsing: "pull:host:5000/x").repositories.description == "host:5000/x")
    }

    @Test(
        arguments: [
            "", "pull", ":", "pull:", ":team", "pull,:a", ",pull:a", "pull, push:a", "Pull:a", "fly:a", "pull;push:a",
        ]
    )
    func refuses(text: String) {
        let error = refused { () throws(AccessError) in try Grant(parsing: text) }
        #expect(error?.code == .invalidRobot)
    }

    @Test func saysWhichActionsThereAre() {
        let error = refused { () throws(AccessError) in try Grant(parsing: "fly:a") }
        #expect(
            error?.reason == """
                the grant 'fly:a': unknown action 'fly'; the actions are pull, pull-by-tag, push, overwrite, delete, \
                sign, promote, retain, replicate, audit, admin, or "*"
                """
        )
    }

    @Test func actionsHaveTheirBits() {
        for (index, action) in Action.allCases.enumerated() {
            #expect(ActionSet(action).rawValue == 1 << UInt16(index))
            #expect(ActionSet.all.contains(action))
            #expect(!ActionSet([]).covers(action))
        }
        #expect(ActionSet.all.actions == Action.allCases)
        #expect(ActionSet(.pull).covers(.pullByTag) && !ActionSet(.pullByTag).covers(.pull))
        #expect(ActionSet(.push).covers(.overwrite) && !ActionSet(.overwrite).covers(.push))
        #expect(!ActionSet(.push).covers(.sign) && !ActionSet(.push).covers(.pull))
    }

    /// Robots are asked for their grants after the rules, others never.
    @Test func grantsComeAfterTheRules() throws {
        let rules = try AccessYAML.read(#"rules: [{name: no, deny: [push], repositories: ["team/locked"]}]"#).rules
        let grants = [try Grant(parsing: "pull,push:team/*")]
        func decide(_ kind: Principal.Kind, _ action: Action, _ repository: String?) throws -> Decision {
            rules.decide(
                AccessRequest(
                    principal: Principal(kind: kind, name: "ci", groups: [], method: .basic),
                    action: action,
                    repository: try repository.map { try RepositoryName(parsing: $0) }
                ),
                grants: grants
            )
        }
        #expect(try decide(.robot, .push, "team/locked").rule == "no")
        #expect(try !decide(.robot, .push, "team/locked").allowed)
        let allowed = try decide(.robot, .push, "team/app")
        #expect(allowed.allowed && allowed.explicit && allowed.rule == "grants of robot:ci")
        let covered = try decide(.robot, .overwrite, "team/app")
        #expect(covered.allowed && !covered.explicit)
        #expect(try !decide(.robot, .delete, "team/app").allowed)
        #expect(try !decide(.robot, .push, "other/app").allowed)
        #expect(try !decide(.robot, .push, nil).allowed)
        let other = try decide(.user, .push, "team/app")
        #expect(!other.allowed && other.rule == nil)
        #expect(other.reason == "no rule allows user:ci to push in team/app")
    }
}
