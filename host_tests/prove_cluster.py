"""Each node of a cluster holds everybody to their rights: `make prove`, since it takes most of a minute."""

import json

import clusters
import fleets


def test_every_node_lets_each_party_do_what_it_may(tmp_path):
    root = clusters.make(tmp_path / "fleet")
    with clusters.running(root):
        done = fleets.ironmote("broker", "check", "--json", cwd=root)
    found = json.loads(done.out)
    assert done.status == 0, [each for each in found if not each["good"]]
    assert len({each["at"] for each in found}) == clusters.NODES
