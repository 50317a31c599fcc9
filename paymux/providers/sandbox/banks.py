"""The sandbox's banks, and what makes them misbehave. Pure.

Every RUT with a right check digit is a payer, every password opens but the magic ones. The keystrokes of a paid transfer: any password,
the first account, eight digits, two digits. The list of banks is that of ETpay's manual and SDK.
"""

from enum import StrEnum

from paymux.providers.bank import Account, Bank, Step

TEST_BANK = "cl_test"

BANKS = (
    Bank("cl_test", "Banco de prueba", "cl", test=True),
    Bank("cl_estado", "BancoEstado", "cl"),
    Bank("cl_santander", "Santander", "cl"),
    Bank("cl_bch", "Banco de Chile / Edwards", "cl"),
    Bank("cl_bci", "BCI", "cl"),
    Bank("cl_falabella", "Falabella", "cl"),
    Bank("cl_itau", "Itaú", "cl"),
    Bank("cl_scotiabank", "Scotiabank", "cl"),
    Bank("cl_mach", "MACH", "cl"),
    Bank("mx_test", "Banco de prueba", "mx", test=True),
    Bank("mx_bbva", "BBVA", "mx"),
    Bank("mx_banamex", "Banamex", "mx"),
    Bank("mx_scotiabank", "Scotiabank", "mx"),
    Bank("mx_santander", "Santander", "mx"),
    Bank("mx_banorte", "Banorte", "mx"),
    Bank("mx_azteca", "Banco Azteca", "mx"),
    Bank("mx_banregio", "Banregio", "mx"),
)
ACCOUNTS = (Account("1", "Cuenta Corriente 12345678"), Account("2", "Cuenta Vista 87654321"))

# The bank's questions in order, with how many digits the answer has.
QUESTIONS = ((Step.KEY, 8), (Step.CODE, 2))

REFUSED_PASSWORD = "0000"  # the bank refuses the login
DOWN_PASSWORD = "5030"  # the bank does not answer
WRONG_KEY = "00000000"  # the bank asks again


class Code(StrEnum):
    """Last answers that do not simply pay."""

    NO_FUNDS = "96"  # rejected: the account has not enough
    SLOW = "97"  # the transfer is on its way and arrives in a minute
    BROKEN = "98"  # the line breaks before the bank takes the order
    REJECTED = "99"


DOCUMENTED = (
    ("password 0000", "the bank refuses the login"),
    ("password 5030", "the bank is down"),
    ("first question 00000000", "wrong, and asked again; the third time the bank refuses"),
    ("last question 96", "the bank rejects the transfer: not enough money"),
    ("last question 97", "on its way; the money comes a minute later"),
    ("last question 98", "the line breaks: the system-error token, nothing moved"),
    ("last question 99", "the bank rejects the transfer"),
)
