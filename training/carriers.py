"""Everyday sentences into which a customer's words are put; those for judging are never trained on."""

LEARNED = (
    "{}.",
    "{} is what we need here.",
    "Could you open {} for me, please?",
    "We moved the whole team to {} last spring.",
    "I had never heard of {} before this week.",
    "The numbers from {} look better than I expected.",
    "Let's talk about {} after lunch.",
    "She asked me to send {} the new contract.",
    "Why is {} so much slower today?",
    "They are going to replace it with {}, I think.",
    "As far as I know, {} was not in the room.",
    "{} called twice this morning.",
    "So the question is whether {} can do this by Friday.",
    "You will find {} on the second page.",
    "I would rather ask {} before we decide.",
    "Everybody likes {}, but nobody wants to pay for it.",
    "Thanks to {} we finished two days early.",
    "Have you tried turning {} off and on again?",
    "Our next meeting with {} is on Tuesday at ten.",
    "It says {} at the top of the screen.",
    "And then {} just stopped working.",
    "Please write down {}, so that we don't forget.",
    "He has been working with {} for about four years.",
    "First came the old system, then {}, and now this.",
)
"""Carriers for training; `{}` is the word."""

JUDGED = (
    "What do you think about {}?",
    "The customer complained that {} was late again.",
    "I will show you {} in a minute.",
    "In the end {} made the difference.",
    "Yes, {} is on my list for today.",
    "Nobody told us about {} until yesterday.",
    "Between you and me, {} could be better.",
    "Can we go back to {} for a moment?",
)
"""Carriers for judging."""
