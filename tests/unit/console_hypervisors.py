"""Last words of installers of hypervisors, as their sources and documentation have them.

None of them was recorded from a machine.
"""

from orchestrator.model.verdict import Blame

INFRA, CONFIG = Blame.INFRA, Blame.CONFIG

HYPERVISORS = {
    "XenServer with answers that are no XML": (
        CONFIG,
        "refused our answers (Answerfile is incorrectly formatted.)",
        "Fetching answerfile\nAnswerfile is incorrectly formatted.\n"
        "An unrecoverable error has occurred.",
    ),
    "XenServer without a card": (
        CONFIG,
        "refused our answers (<admin-interface> tag must have one of 'name' or 'hwaddr')",
        "<admin-interface> tag must have one of 'name' or 'hwaddr'",
    ),
    "XenServer gave up": (
        INFRA,
        "the installer gave up (An unrecoverable error has occurred.)",
        "Installing\nAn unrecoverable error has occurred.",
    ),
    "ESXi with an unknown command": (
        CONFIG,
        "refused our answers (An error has occurred while parsing the installation script)",
        "An error has occurred while parsing the installation script\n"
        "error:/tmp/ks.cfg:line 3: unknown command 'partition'",
    ),
    "ESXi without a card": (
        INFRA,
        "finds no network card (No Network Adapters were detected)",
        "No Network Adapters were detected",
    ),
    "ESXi without its modules": (
        INFRA,
        "ESXi's loader failed (Fatal error: 15 (Not found))",
        "Loading http://media/b.b00\nFatal error: 15 (Not found)",
    ),
    "Windows with answers that it cannot read": (
        CONFIG,
        "refused our answers (Windows could not parse or process the unattend answer file",
        "Windows could not parse or process the unattend answer file for pass [windowsPE].",
    ),
    "Windows Setup ended": (
        CONFIG,
        "Windows Setup gave up (smoketest: setup.exe ended with 31)",
        "smoketest: setup.exe ended with 31",
    ),
}
