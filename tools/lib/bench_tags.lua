-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Cairn authors
--
-- For wrk: requests of manifests by tags drawn at random from BENCH_TAGS tags t000000, t000001, ….
local prefix = os.getenv("BENCH_PREFIX")
local count = tonumber(os.getenv("BENCH_TAGS"))

function request()
    return wrk.format("GET", prefix .. string.format("t%06d", math.random(0, count - 1)))
end
