__all__ = ["install_as_ligo_gracedb"]
__version__: str

def install_as_ligo_gracedb() -> None: ...
