"""The check that runs on all output would notice a token."""

import pytest

from harness.leaks import check_no_token


def test_token_is_noticed(broker):
    with pytest.raises(AssertionError):
        check_no_token(f"using {broker.issuer.mint()}", {})


@pytest.mark.parametrize("part", range(3), ids=["header", "claims", "signature"])
def test_part_of_a_token_that_the_program_was_given_is_noticed(broker, tmp_path, part):
    token = broker.issuer.mint()
    file = tmp_path / "token"
    file.write_text(token + "\n")

    with pytest.raises(AssertionError):
        check_no_token(token.split(".")[part], {"BEARER_TOKEN_FILE": str(file)})


def test_what_describes_a_token_may_be_shown(broker):
    check_no_token("of pipeline from $BEARER_TOKEN, valid for 59 min", {"BEARER_TOKEN": broker.issuer.mint()})
