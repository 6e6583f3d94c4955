/** `scheme://user:password@`; what is before the last @ of the authority belongs to the user. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*:)[^\s/?#]*(@)/gi;
/** `?password=…`, as addresses of databases have it. */
const PARAMETER = /([?&](?:password|token|secret|api_?key)=)[^&#\s"']*/gi;

/** The text without the passwords of the URLs in it, for logs, errors and pages. */
export function withoutPasswords(text: string, instead = '***'): string {
  if (!text.includes('@') && !text.includes('=')) return text;
  return text.replace(USER_INFO, `$1${instead}$2`).replace(PARAMETER, `$1${instead}`);
}
