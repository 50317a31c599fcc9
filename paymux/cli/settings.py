"""`paymux settings`: every setting with its default and one sentence."""


def settings(*, markdown: bool = False) -> None:
    """List every setting: its name in the environment, its default, what it does.

    Parameters
    ----------
    markdown
        As a table for a document.
    """
    from paymux import config

    if markdown:
        print(config.markdown(), end="")
        return
    from paymux.cli import show as eyes

    rows = [(doc.env, f"{doc.default} {doc.unit}".strip() if doc.default else "", doc.sentence) for doc in config.describe()]
    eyes.table(("setting", "default", "meaning"), rows)
