# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Mistakes in lists of tags, repositories and referrers, and in deletions."""

from mutation import BAD, OK, WRONG_DIGEST, accept, answer, ask, drop, edit, mutation, put, refuse, status, when

TAGS = "discovery.tags*,pull.client.skopeo*"
CATALOG = "discovery.catalog*"
REFERRERS = "discovery.referrers*,discovery.client*,management.relation.referrer*"
MANAGE = "management.*"

# Tags.
listed = when("GET", "tags", OK)
answer("tags-204", "a list of tags answers 204", TAGS, listed, status(204))
answer("tags-203", "a list of tags answers 203", TAGS, listed, status(203))
answer("tags-text", "a list of tags is labelled text/plain", TAGS, listed, put("Content-Type", "text/plain"))
answer("tags-other-name", "a list of tags names another repository", TAGS, listed,
       edit(lambda value: value.update(name="other")))
answer("tags-first-lost", "the first tag is not listed", TAGS, listed, edit(lambda value: value["tags"].__delitem__(slice(1))))
answer("tags-last-lost", "the last tag is not listed", TAGS, listed,
       edit(lambda value: value.update(tags=value["tags"][:-1])))
answer("tags-one-more", "a tag is listed that is none", TAGS, listed, edit(lambda value: value["tags"].append("zz-extra")))
answer("tags-twice", "every tag is listed twice", TAGS + "," + MANAGE + ",push.tag-query*", listed,
       edit(lambda value: value.update(tags=sorted(value["tags"] * 2))))
answer("tags-backwards", "tags are listed backwards", TAGS, listed, edit(lambda value: value["tags"].reverse()))
answer("tags-null", "no tags are null", TAGS, listed, edit(lambda value: value.update(tags=value["tags"] or None)))
answer("tags-404-500", "the tags of what is not there answer 500", TAGS + ",pull.error*", when("GET", "tags", BAD),
       status(500))
answer("tags-404-empty", "the tags of what is not there are none", TAGS + ",pull.error*", when("GET", "tags", BAD),
       lambda x: (x.becomes(200), x.set_json({"name": x.repository, "tags": []})))
answer("tags-unknown-code", "the 404 of tags names BLOB_UNKNOWN", TAGS, when("GET", "tags", BAD),
       lambda x: x.set_json({"errors": [{"code": "BLOB_UNKNOWN", "message": ""}]}))
ask("tags-head-405", "HEAD of tags answers 405", TAGS, when("HEAD", "tags"), refuse(405))
answer("tags-post-200", "POST and DELETE of tags answer 200", TAGS, when("POST,DELETE", "tags"), accept(200))
answer("405-bare", "405 without Allow", TAGS, lambda x: x.status == 405, drop("Allow"))
answer("tags-no-link", "a list of tags has no Link", TAGS, listed, drop("Link"))
answer("tags-link-form", "Link has no angle brackets", TAGS, listed,
       lambda x: x.of("Link") and x.answer.set("Link", x.of("Link").replace("<", "").replace(">", "")))
answer("tags-link-same", "Link leads to the page that it is on", "discovery.tags.page.link*,discovery.tags.page.growing",
       listed, lambda x: x.of("Link") and x.answer.set("Link", f'<{x.target_text}>; rel="next"'))
answer("tags-link-always", "the last page has a Link, too", "discovery.tags.page.*link",
       listed, lambda x: x.answer.set("Link", f'<{x.target_text}>; rel="next"'))


def parameter_dropped(name):
    def change(exchange):
        pairs = [pair for pair in exchange.target.query.split("&") if not pair.startswith(name + "=")]
        exchange.target_text = exchange.target.path + "?" + "&".join(pairs)

    return change


lists = when("GET", "tags,catalog")
ask("n-ignored", "n is ignored", TAGS + "," + CATALOG, lists, parameter_dropped("n"))
ask("last-ignored", "last is ignored", TAGS + "," + CATALOG, lists, parameter_dropped("last"))
ask("last-needs-n", "last without n is ignored", TAGS,
    lambda x: lists(x) and x.target.parameter("n") is None, parameter_dropped("last"))
ask("last-first-400", "last before n answers 400", TAGS, lambda x: x.target.query.startswith("last=") and "&n=" in x.target_text,
    refuse(400))
ask("odd-n-500", "an n that is odd answers 500", TAGS,
    lambda x: x.target.parameter("n") in ("-1", "many") or len(x.target.parameter("n") or "") > 8, refuse(500))


def stale(exchange, memory):
    """A list is answered from the first answer to it."""
    if exchange.is_a("GET", "tags") and exchange.status == 200:
        key = exchange.target_text
        exchange.content = memory.setdefault(key, exchange.content)


mutation("tags-stale", "a list of tags is as it was when first asked for", TAGS, response=stale)


def below(exchange):
    """The tags of the repository are those of one below it, too."""
    value = exchange.json()
    value["tags"].append("lower")
    exchange.set_json(value)


answer("tags-from-below", "tags of a repository below are listed", TAGS, listed, below)
answer("tags-digests", "manifests without a tag are listed by digest", TAGS, listed,
       edit(lambda value: value["tags"].append(WRONG_DIGEST)))

# Repositories.
named = when("GET", "catalog", OK)
answer("catalog-shape", "the catalog is a bare list", CATALOG, named, lambda x: x.set_json(x.json()["repositories"]))
answer("catalog-empty", "the catalog is empty", CATALOG, named, edit(lambda value: value.update(repositories=[])))
answer("catalog-no-link", "the catalog has no Link", CATALOG, named, drop("Link"))
answer("catalog-link-same", "the catalog's Link leads to the page that it is on", CATALOG, named,
       lambda x: x.of("Link") and x.answer.set("Link", f'<{x.target_text}>; rel="next"'))

# Referrers.
referred = when("GET", "referrers", OK)


def entries(change):
    """Changes each entry of a list of referrers."""
    return edit(lambda value: [change(entry) for entry in value["manifests"]])


ask("referrers-404", "there is no referrers API", REFERRERS, when("GET,HEAD", "referrers"), refuse(404))
answer("referrers-type-parameter", "Content-Type of referrers has a parameter", REFERRERS, referred,
       put("Content-Type", "application/vnd.oci.image.index.v1+json; charset=utf-8"))
answer("referrers-type-json", "Content-Type of referrers is application/json", REFERRERS, referred,
       put("Content-Type", "application/json"))
answer("referrers-none", "no referrer is ever listed", REFERRERS + ",management.relation*", referred,
       edit(lambda value: value.update(manifests=[])))
answer("referrers-null", "no referrers are null", REFERRERS, referred,
       edit(lambda value: value.update(manifests=value["manifests"] or None)))
answer("referrers-one-more", "a referrer is listed that is none", REFERRERS + ",management.relation*", referred,
       edit(lambda value: value["manifests"].append({"mediaType": "a/b", "size": 1, "digest": WRONG_DIGEST})))
answer("referrers-twice", "every referrer is listed twice", REFERRERS, referred,
       edit(lambda value: value.update(manifests=value["manifests"] * 2)))
answer("referrers-last-lost", "the last referrer is not listed", REFERRERS, referred,
       edit(lambda value: value.update(manifests=value["manifests"][:-1])))
answer("referrers-schema", "the list has schemaVersion 1", REFERRERS, referred,
       edit(lambda value: value.update(schemaVersion=1)))
answer("referrers-no-media-type", "the list has no mediaType", REFERRERS, referred, edit(lambda value: value.pop("mediaType")))
answer("referrers-entry-type", "entries have another mediaType", REFERRERS, referred,
       entries(lambda entry: entry.update(mediaType="application/json")))
answer("referrers-entry-size", "entries tell no size", REFERRERS, referred, entries(lambda entry: entry.pop("size")))
answer("referrers-entry-artifact", "entries tell no artifactType", REFERRERS, referred,
       entries(lambda entry: entry.pop("artifactType", None)))
answer("referrers-entry-default", "entries without artifactType tell their mediaType", REFERRERS, referred,
       entries(lambda entry: entry.setdefault("artifactType", entry["mediaType"])))
answer("referrers-entry-annotations", "entries have no annotations", REFERRERS, referred,
       entries(lambda entry: entry.pop("annotations", None)))
answer("referrers-entry-own", "entries have annotations of the registry's own", REFERRERS, referred,
       entries(lambda entry: entry.setdefault("annotations", {}).update(pushed="today")))
answer("referrers-pull-404", "referrers cannot be pulled", REFERRERS, when("GET", "manifest", OK), refuse(404))
answer("referrers-pull-type", "an entry's blobs cannot be pulled", REFERRERS, when("GET", "blob", OK), refuse(404))
ask("filter-ignored", "artifactType is ignored", REFERRERS, lambda x: x.kind == "referrers" and x.target.query,
    lambda x: setattr(x, "target_text", x.target.path))
answer("filter-silent", "OCI-Filters-Applied is never there", REFERRERS, referred, drop("OCI-Filters-Applied"))
answer("filter-boast", "OCI-Filters-Applied is always there", REFERRERS, referred, put("OCI-Filters-Applied", "artifactType"))
answer("filter-empty-404", "a filter that finds nothing answers 404", REFERRERS,
       lambda x: referred(x) and x.target.query and not x.json()["manifests"], refuse(404))
ask("filter-encoded", "a filter is not decoded", REFERRERS, lambda x: x.kind == "referrers" and "%2B" in x.target_text,
    lambda x: setattr(x, "target_text", x.target_text.replace("%", "%25")))
answer("referrers-bad-200", "a digest that is none has no referrers", REFERRERS, when("GET", "referrers", BAD),
       lambda x: (x.becomes(200), x.set_json({"schemaVersion": 2, "manifests": []})))
answer("referrers-bad-500", "a digest that is none answers 500", REFERRERS, when("GET", "referrers", BAD), status(500))
ask("referrers-post-200", "POST to referrers answers 200", REFERRERS, when("POST", "referrers"), lambda x: x.answers(200))
answer("fallback-tag-400", "a tag like a digest cannot be pushed", REFERRERS + ",push.manifest*,push.client*",
       lambda x: x.is_a("PUT,GET", "manifest") and x.reference.startswith("sha256-"), refuse(400))
answer("dotted-tag-400", "a tag with a dot after a digest cannot be pushed", "push.client*,push.manifest.tag*",
       lambda x: x.is_a("PUT", "manifest") and x.reference.startswith("sha256-") and "." in x.reference, refuse(400))

# Deletions.
gone = when("DELETE", "manifest,blob", (202, 202))
answer("delete-200", "DELETE answers 200", MANAGE, gone, status(200))
answer("delete-500", "DELETE answers 500", MANAGE, gone, status(500))
ask("delete-lies", "DELETE answers 202 and does nothing", MANAGE, when("DELETE", "manifest,blob"), lambda x: x.answers(202))
ask("delete-lies-tags", "DELETE of a tag answers 202 and does nothing", MANAGE,
    lambda x: x.is_a("DELETE", "manifest") and ":" not in x.reference, lambda x: x.answers(202))
answer("delete-404-500", "DELETE of what is not there answers 500", MANAGE, when("DELETE", "manifest,blob", BAD), status(500))
answer("delete-404-202", "DELETE of what is not there answers 202", MANAGE, when("DELETE", "manifest,blob", BAD), accept(202))


def everywhere(exchange, memory):
    """What has been deleted somewhere is not found anywhere again."""
    if exchange.is_a("DELETE", "manifest,blob") and exchange.status == 202:
        memory[exchange.reference] = True
    elif exchange.is_a("GET,HEAD,PUT", "manifest,blob") and exchange.reference in memory:
        refuse(404)(exchange)


mutation("delete-everywhere", "what is deleted in one repository is gone from all, for good", MANAGE, response=everywhere)


def too_much(exchange, memory):
    """Deleting a manifest takes along all that its repository has."""
    if exchange.is_a("DELETE", "manifest") and exchange.status == 202:
        memory[exchange.repository] = True
    elif exchange.is_a("GET,HEAD", "manifest,blob") and exchange.repository in memory:
        refuse(404)(exchange)


mutation("delete-too-much", "deleting a manifest empties its repository", MANAGE, response=too_much)
ask("delete-subject-500", "DELETE of a manifest in use answers 500", MANAGE,
    lambda x: x.is_a("DELETE", "manifest,blob") and "relation" in x.repository, refuse(500))
answer("mountable-after-delete", "a deleted blob can still be mounted", MANAGE,
       lambda x: x.is_a("POST", "uploads") and x.target.parameter("mount") and x.status == 202, status(201))
