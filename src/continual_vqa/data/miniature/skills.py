"""The ten skills of VQACL and who asks their questions."""

from __future__ import annotations

from continual_vqa.data.miniature import ask_people, ask_things, ask_truths
from continual_vqa.data.miniature.asking import Template

# In VQACL's published order.
SKILLS: dict[str, Template] = {
    "recognition": ask_things.recognition,
    "location": ask_things.location,
    "judge": ask_truths.judge,
    "commonsense": ask_truths.commonsense,
    "count": ask_people.count,
    "action": ask_people.action,
    "color": ask_things.color,
    "type": ask_things.kind,
    "subcategory": ask_things.subcategory,
    "causal": ask_things.causal,
}
