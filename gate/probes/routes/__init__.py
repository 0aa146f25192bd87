"""The routes probe: the candidate's OpenAPI document beside stable's.

probe    asks both for their document
openapi  pure: what routes a document has, what each asks for, and what was lost
"""
