"""Signs decisions about images, and reads who has signed what.

    statement .... what a decision says of an image: in-toto Statement v1, SLSA Verification Summary
    envelope ..... signed and opened: DSSE
    keys ......... whose signature it is: keys in PEM, certificates
    earlier ...... whether an image has passed the stage before
    handing ...... what was signed, as others take it
    checking ..... whether the outcomes of a ledger are signed, each as it was recorded

Needs the extra `signing`; nothing here is imported unless a policy or a command asks for it.
"""
