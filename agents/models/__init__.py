"""Language models as planners: any LangChain chat model, by object, name, URL or folder."""
