"""Paymux, a self-hosted payment gateway. The table of contents, in the order of a payment's story:

dialects/   a shop asks, in the words of its API          merchants/  who asks
payments/   what we promise, and the one door to change it routing/    which way
providers/  who moves the money                            ledger/     what is owed
webhooks/   the shop is told                               checkout/   what the buyer sees
storage/    where rows live                                http/       the wire
app/ wires it, work.py keeps the background duties, ops/ watches, examines and backs up, cli/ is the command line.
"""

__version__ = "0.1.0"
