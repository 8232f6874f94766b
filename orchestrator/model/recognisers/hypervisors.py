"""What the installers of XenServer, ESXi and Windows say when they give up.

Taken from their sources and documentation: no console of theirs was recorded yet.
"""

from orchestrator.model.recognisers.recogniser import Weight, lines
from orchestrator.model.verdict import Blame

_ANSWERS = "the installer refused our answers ({line}); mend the answer template of this image"

HYPERVISORS = (
    lines(
        Weight.TELLS,
        r"^Answerfile is incorrectly formatted|^Unexpected top level element",
        r"tag must have one of 'name' or 'hwaddr'|^Unknown mode, ",
        r"An error has occurred while parsing the installation script",
        r"could not (?:parse or process|read) (?:the )?unattend answer file",
        says=_ANSWERS,
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.TELLS,
        r"No network adapters were detected",
        says="the installer finds no network card ({line}); check card, driver and firmware",
    ),
    lines(
        Weight.TELLS,
        r"^(?:Fatal error: \d+ \(|Error loading /).*",
        says="ESXi's loader failed ({line}); check the media that the image's mirror serves",
    ),
    lines(
        Weight.TELLS,
        r"^smoketest: setup\.exe ended with \d+",
        says="Windows Setup gave up ({line}); check its log in X:\\Windows\\Panther",
        blame=Blame.CONFIG,
    ),
    lines(
        Weight.ENDS,
        r"An unrecoverable error has occurred",
        says="the installer gave up ({line}); its console log tells",
    ),
)
