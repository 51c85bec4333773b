"""`/v2/orders` with its actions, `/v2/transactions`, `/v2/accountvaults`, `/v2/transactionbatches`."""
