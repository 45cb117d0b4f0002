// Paintings that come with the page, all in the public domain; squares of 192 pixels of their middles.

export const PAINTINGS = [
  {name: 'Hokusai: The Great Wave off Kanagawa', file: 'paintings/hokusai.jpg'},
  {name: 'Van Gogh: Village Street in Auvers', file: 'paintings/van_gogh.jpg'},
  {name: 'Renoir: Girls at the Piano', file: 'paintings/renoir.jpg'},
  {name: 'Kandinsky: Composition VIII', file: 'paintings/kandinsky.jpg'},
  {name: 'Bazille: The Ramparts at Aigues-Mortes', file: 'paintings/bazille.jpg'},
];
