"""Names that tell a newcomer nothing, by component; "" is every component.

A leading underscore makes no difference. Plain words that name something else by now are allowed:
`mark` (of a stream), `take`, `learn`, `file`, `left`, `cached`, `whole`, `cut`, `sealed`.
"""

from __future__ import annotations

from typing import Final

#: Of classes, functions, methods, attributes and constants.
NAMES: Final[dict[str, frozenset[str]]] = {
    component: frozenset(names.split())
    for component, names in {
        "": "most mine theirs docket foresee is_there told_to_stop keep_going heed_cancellation"
        " look_seldom unhurried told saw Docket Seen Wrapping Guard",
        "cqar_resolver": "View mark_anew moves_within Filling Planned taken things thing Changed"
        " Place KEPT copied unfile Poison Unknown Do DOUBT choices StartOver verify Journal"
        " Keeping Kept goes_on Reading Basis Work Many Partial Wanted NotInMemory Noting Made"
        " framed Remembered Moment told_ms Tiers are_not_needed Least Asked fly landed Scans"
        " HotMethods Elsewhere",
        "cqar_shared": "Find asks stated ended news told_now as_of_now Then needed wanting",
        "cqar_writer": "Once unblocking beside made expect Over Ground Wake keep_house Missed",
        "cqar": "Carried Place Ready",
    }.items()
}

MODULES: Final[dict[str, frozenset[str]]] = {
    component: frozenset(names.split())
    for component, names in {
        "cqar_resolver": "hot watching keeping publishing reporting remembered resolutions kept"
        " last_good tiers moves published held works answers past listing selection reading"
        " places cutting changed view recent loading sources moment",
        "cqar_shared": "judge wording joiners told tokens ahead wrapping statuses calls unhurried"
        " certificate_end times extras about garbage reachable",
        "cqar_writer": "rates keys archiving surroundings reviving once answers heads newest bumps"
        " images ground saving archivable past epoch_core image_core relay_core cache_core",
        "cqar": "applied calling looking past trading voiding watching words typed plans importing"
        " asking naming refusals running shape showing reading found proposals departures"
        " applying in_loop on_thread hits waiting awaiting asked from_messages exact",
    }.items()
}
